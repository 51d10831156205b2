//! The JSON schema of an analysis file, from the types that parse it.

use serde_json::{Map, Value, json};

use super::config::Raw;

/// A type that a YAML value is read as, and what editors should know about it.
pub(super) trait Schema {
    /// Its JSON schema.
    fn schema() -> Value;
}

/// The schema of the whole file, as editors take it.
#[must_use]
pub fn json_schema() -> Value {
    let mut schema = Raw::schema();
    if let Some(object) = schema.as_object_mut() {
        object.insert("$schema".to_owned(), json!("http://json-schema.org/draft-07/schema#"));
        object.insert("title".to_owned(), json!("ana-sql analysis"));
    }
    schema
}

/// An object of these properties and no others.
pub(super) fn object(about: &str, properties: Vec<(&str, &str, Value)>) -> Value {
    let mut known = Map::new();
    for (key, about, mut schema) in properties {
        if let Some(object) = schema.as_object_mut() {
            object.insert("description".to_owned(), json!(about.trim()));
        }
        known.insert(key.to_owned(), schema);
    }
    json!({ "type": "object", "description": about.trim(), "properties": known, "additionalProperties": false })
}

macro_rules! plain {
    ($($type:ty => $name:literal),* $(,)?) => {
        $(impl Schema for $type {
            fn schema() -> Value {
                json!({ "type": $name })
            }
        })*
    };
}

plain!(bool => "boolean", u64 => "integer", i64 => "integer", usize => "integer", f64 => "number", String => "string");

impl Schema for serde_yaml::Value {
    fn schema() -> Value {
        json!({})
    }
}

impl<T: Schema> Schema for Option<T> {
    fn schema() -> Value {
        T::schema()
    }
}

impl<T: Schema> Schema for Vec<T> {
    fn schema() -> Value {
        json!({ "type": "array", "items": T::schema() })
    }
}
