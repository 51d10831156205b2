//! Files behind HTTP: read by ranges, few requests.

use super::*;
use std::{
    io::{BufRead, BufReader, Read, Seek, SeekFrom},
    net::{TcpListener, TcpStream},
    sync::atomic::{AtomicUsize, Ordering},
};

/// A server of one directory that knows HEAD and GET of one range; counts its GETs.
fn serve(directory: PathBuf) -> (u16, Arc<AtomicUsize>) {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let port = listener.local_addr().unwrap().port();
    let gets = Arc::new(AtomicUsize::new(0));
    let counter = Arc::clone(&gets);
    std::thread::spawn(move || {
        for stream in listener.incoming() {
            let (directory, counter) = (directory.clone(), Arc::clone(&counter));
            std::thread::spawn(move || answer(stream.unwrap(), &directory, &counter));
        }
    });
    (port, gets)
}

fn answer(mut stream: TcpStream, directory: &std::path::Path, gets: &AtomicUsize) {
    let mut lines = BufReader::new(stream.try_clone().unwrap()).lines().map_while(Result::ok);
    while let Some(request) = lines.next() {
        let mut range = None;
        for header in lines.by_ref().take_while(|line| !line.is_empty()) {
            if let Some(value) = header.to_ascii_lowercase().strip_prefix("range: bytes=") {
                let (start, end) = value.split_once('-').unwrap();
                range = Some((start.parse::<u64>().unwrap(), end.parse::<u64>().unwrap()));
            }
        }
        let path = request.split(' ').nth(1).unwrap().trim_start_matches('/');
        let Ok(mut file) = std::fs::File::open(directory.join(path)) else {
            write!(stream, "HTTP/1.1 404 Not Found\r\nContent-Length: 0\r\n\r\n").unwrap();
            continue;
        };
        let size = file.metadata().unwrap().len();
        if request.starts_with("HEAD") {
            write!(stream, "HTTP/1.1 200 OK\r\nContent-Length: {size}\r\nAccept-Ranges: bytes\r\n\r\n")
                .unwrap();
            continue;
        }
        gets.fetch_add(1, Ordering::Relaxed);
        let (start, end) = range.expect("a GET without a range reads the whole file");
        let mut bytes = vec![0; usize::try_from(end + 1 - start).unwrap()];
        file.seek(SeekFrom::Start(start)).unwrap();
        file.read_exact(&mut bytes).unwrap();
        let length = bytes.len();
        let head = format!("HTTP/1.1 206 Partial Content\r\nContent-Length: {length}\r\n");
        write!(stream, "{head}Content-Range: bytes {start}-{end}/{size}\r\n\r\n").unwrap();
        if stream.write_all(&bytes).is_err() {
            return;
        }
    }
}

#[tokio::test]
async fn a_file_behind_http() {
    let Some(directory) = shared("nano") else { return };
    let (port, gets) = serve(directory.clone());
    let sql =
        "SELECT count(*) AS n, sum(event) AS e, sum(cardinality(Jet_pt)) AS j FROM events WHERE MET_pt > 30";
    let (context, progress) = session(2);
    create(&context, "events", &format!("http://127.0.0.1:{port}/NanoAODv5_sample.root"), "").await;
    let opened = gets.load(Ordering::Relaxed);
    assert!(opened <= 5, "{opened} requests to open a file");
    let there = rows(&context, sql).await;
    assert!(gets.load(Ordering::Relaxed) - opened <= 8);
    assert!(progress.snapshot().bytes_read < 2_000_000, "{:?}", progress.snapshot());
    let (context, _) = session(2);
    create(&context, "events", &directory.join("NanoAODv5_sample.root").to_string_lossy(), "").await;
    assert_eq!(there, rows(&context, sql).await);
}

#[tokio::test]
async fn files_here_and_there_are_one_table() {
    let Some(directory) = shared("nano") else { return };
    let (port, _) = serve(directory.clone());
    let (context, progress) = session(2);
    let here = directory.join("nano_tree.root");
    let list = format!("{},http://127.0.0.1:{port}/nano_dy.root", here.display());
    create(&context, "events", &list, "OPTIONS (missing_branch 'null')").await;
    let text = rows(&context, "SELECT count(*) AS n, count(nJet) AS j FROM events WHERE nJet >= 0").await;
    assert!(text.contains("| 50 | 50 |"), "{text}");
    assert_eq!(progress.snapshot().files_done, 2);
}

#[tokio::test]
async fn what_is_not_there_is_named() {
    let directory = tempfile::tempdir().unwrap();
    let (port, _) = serve(directory.path().to_owned());
    let url = format!("http://127.0.0.1:{port}/none.root");
    let (context, _) = session(1);
    let message = fault(&context, &format!("CREATE EXTERNAL TABLE x STORED AS ROOT LOCATION '{url}'")).await;
    assert!(message.contains(&url), "{message}");
    let glob = format!("CREATE EXTERNAL TABLE x STORED AS ROOT LOCATION 'http://127.0.0.1:{port}/*.root'");
    let message = fault(&context, &glob).await;
    assert!(message.contains("patterns need a listing"), "{message}");
}

/// More files than are opened for the schema: the others are opened while their forerunners are read.
#[tokio::test]
async fn many_files_are_opened_once() {
    let Some(nano) = shared("nano/nano_dy.root") else { return };
    let directory = tempfile::tempdir().unwrap();
    for i in 0..20 {
        std::fs::copy(&nano, directory.path().join(format!("{i}.root"))).unwrap();
    }
    let (port, gets) = serve(directory.path().to_owned());
    let list: Vec<String> = (0..20).map(|i| format!("http://127.0.0.1:{port}/{i}.root")).collect();
    let (context, progress) = session(2);
    create(&context, "events", &list.join(","), "").await;
    let first = gets.load(Ordering::Relaxed);
    assert!(first <= 5, "{first} requests to open one file");
    let text =
        rows(&context, "SELECT count(MET_pt) AS n, sum(nJet) >= 0 AS j FROM events WHERE nJet >= 0").await;
    assert!(text.contains("| 800 |"), "{text}");
    let read = progress.snapshot();
    assert_eq!((read.files_done, read.files_total, read.events_read), (20, 20, 800));
    let second = gets.load(Ordering::Relaxed);
    rows(&context, "SELECT count(MET_pt) AS n, sum(nJet) >= 0 AS j FROM events WHERE nJet >= 0").await;
    // The second time the metadata are known.
    assert!(gets.load(Ordering::Relaxed) - second < second - first);
}
