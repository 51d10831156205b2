//! Cuts and categories as they are written.

use std::fmt;

use serde::de::{Deserialize, Deserializer, Error, MapAccess, Visitor};
use serde::ser::{Serialize, SerializeMap, Serializer};
use serde_json::{Value, json};

use super::Ordered;
use crate::analysis::schema::{Schema, object};

/// A condition: SQL, the name of a cut, or a factory with its arguments.
#[derive(Debug, Clone, PartialEq)]
pub enum Cut {
    /// `MET_pt > 20`, `goldenJson`, or a name from `cuts`.
    Text(String),
    /// `get_nObj_min: {N: 4, coll: JetGood}`.
    Factory {
        /// The factory.
        factory: String,
        /// Its arguments.
        arguments: Ordered<serde_yaml::Value>,
    },
}

impl<'de> Deserialize<'de> for Cut {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Form;
        impl<'de> Visitor<'de> for Form {
            type Value = Cut;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(
                    "a condition in SQL, the name of a cut, or a factory such as get_nObj_min: {N: 4}",
                )
            }

            fn visit_str<E: Error>(self, text: &str) -> Result<Cut, E> {
                Ok(Cut::Text(text.to_owned()))
            }

            fn visit_bool<E: Error>(self, value: bool) -> Result<Cut, E> {
                Ok(Cut::Text(value.to_string()))
            }

            fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Cut, A::Error> {
                let Some(factory) = map.next_key::<String>()? else {
                    return Err(A::Error::custom("an empty cut"));
                };
                let arguments = map.next_value()?;
                if let Some(second) = map.next_key::<String>()? {
                    return Err(A::Error::custom(format_args!(
                        "'{factory}' and '{second}' in one cut: a cut is one factory; put each behind a dash of its own"
                    )));
                }
                Ok(Cut::Factory { factory, arguments })
            }
        }
        deserializer.deserialize_any(Form)
    }
}

impl Serialize for Cut {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match self {
            Self::Text(text) => serializer.serialize_str(text),
            Self::Factory { factory, arguments } => {
                let mut map = serializer.serialize_map(Some(1))?;
                map.serialize_entry(factory, arguments)?;
                map.end()
            }
        }
    }
}

impl Schema for Cut {
    fn schema() -> Value {
        let factories = crate::analysis::cut::FACTORIES.iter().map(|name| ((*name).to_owned(), json!({})));
        json!({
            "description": "A condition in SQL, the name of a cut, or a factory with its arguments.",
            "anyOf": [
                { "type": "string" },
                { "type": "boolean" },
                {
                    "type": "object",
                    "properties": factories.collect::<serde_json::Map<_, _>>(),
                    "additionalProperties": false,
                    "minProperties": 1,
                    "maxProperties": 1,
                },
            ]
        })
    }
}

/// Bins of cuts, of which the cartesian categories take one each.
#[derive(Debug, Clone, Default, PartialEq, serde::Deserialize, serde::Serialize)]
#[serde(deny_unknown_fields, default)]
pub struct MultiCut {
    /// What it is called.
    pub name: String,
    /// The cuts, in order.
    pub cuts: Vec<Cut>,
    /// What each is called in the name of a category.
    pub cuts_names: Vec<String>,
}

impl Schema for MultiCut {
    fn schema() -> Value {
        object(
            "Bins of cuts, of which the cartesian categories take one each.",
            vec![
                ("name", "What it is called.", String::schema()),
                ("cuts", "The cuts, in order.", Vec::<Cut>::schema()),
                ("cuts_names", "What each is called in the name of a category.", Vec::<String>::schema()),
            ],
        )
    }
}

/// Every combination of one cut of each multicut, and categories beside them.
#[derive(Debug, Clone, Default, PartialEq, serde::Deserialize, serde::Serialize)]
#[serde(deny_unknown_fields, default)]
pub struct Cartesian {
    /// The factors.
    pub multicuts: Vec<MultiCut>,
    /// Categories beside the product.
    pub common_cats: Ordered<Vec<Cut>>,
}

impl Schema for Cartesian {
    fn schema() -> Value {
        object(
            "Every combination of one cut of each multicut, named by their cuts_names with _ between, and categories beside them.",
            vec![
                ("multicuts", "The factors.", Vec::<MultiCut>::schema()),
                ("common_cats", "Categories beside the product.", Ordered::<Vec<Cut>>::schema()),
            ],
        )
    }
}

/// Categories, in order.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Categories {
    /// Categories by name; all cuts of one must hold.
    pub standard: Ordered<Vec<Cut>>,
    /// The product, if there is one.
    pub cartesian: Option<Cartesian>,
}

impl<'de> Deserialize<'de> for Categories {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Form;
        impl<'de> Visitor<'de> for Form {
            type Value = Categories;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(
                    "categories, each with its cuts, or cartesian: {multicuts: […], common_cats: {…}}",
                )
            }

            fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Categories, A::Error> {
                let mut categories = Categories::default();
                while let Some(key) = map.next_key::<String>()? {
                    if key == "cartesian" {
                        categories.cartesian = Some(map.next_value()?);
                    } else if categories.standard.get(&key).is_some() {
                        return Err(A::Error::custom(format_args!("'{key}' is there twice")));
                    } else {
                        categories.standard.0.push((key, map.next_value()?));
                    }
                }
                Ok(categories)
            }
        }
        deserializer.deserialize_any(Form)
    }
}

impl Serialize for Categories {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut map = serializer.serialize_map(None)?;
        for (key, value) in self.standard.iter() {
            map.serialize_entry(key, value)?;
        }
        if let Some(cartesian) = &self.cartesian {
            map.serialize_entry("cartesian", cartesian)?;
        }
        map.end()
    }
}

impl Schema for Categories {
    fn schema() -> Value {
        json!({
            "type": "object",
            "properties": { "cartesian": Cartesian::schema() },
            "additionalProperties": Vec::<Cut>::schema(),
        })
    }
}
