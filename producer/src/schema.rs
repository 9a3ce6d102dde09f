//! The description of a dataset's records, for those who write them: JSON Schema, draft 2020-12.

use penstock_core::dataset::{Column, ColumnType, Dataset};
use serde_json::{Map, Value, json};

/// A JSON Schema document. Fields that it does not name are allowed and kept.
#[must_use]
pub fn schema(dataset: &Dataset) -> Value {
    let mut root = object(dataset, &[]);
    let head = json!({
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "$id": format!("urn:penstock:dataset:{}:{}", dataset.name, dataset.hash),
        "title": dataset.name,
        "description": dataset.description,
    });
    if let (Some(root), Value::Object(head)) = (root.as_object_mut(), head) {
        root.extend(head);
    }
    root
}

/// The object that holds the columns below a path.
fn object(dataset: &Dataset, above: &[String]) -> Value {
    let mut properties = Map::new();
    let mut required: Vec<&String> = Vec::new();
    for column in &dataset.columns {
        let Some([key, below @ ..]) = column.path.strip_prefix(above) else { continue };
        if column.required && !required.contains(&key) {
            required.push(key);
        }
        let property = if below.is_empty() {
            property(column)
        } else {
            object(dataset, &[above, std::slice::from_ref(key)].concat())
        };
        properties.insert(key.clone(), property);
    }
    json!({"type": "object", "properties": properties, "required": required, "additionalProperties": true})
}

fn property(column: &Column) -> Value {
    let mut alternatives = match column.kind {
        ColumnType::Uuid => vec![json!({"type": "string", "format": "uuid"})],
        ColumnType::String => vec![json!({"type": "string"})],
        ColumnType::Int => vec![json!({"type": "integer", "minimum": i64::MIN, "maximum": i64::MAX})],
        ColumnType::Double => vec![json!({"type": "number"})],
        ColumnType::Bool => vec![json!({"type": "boolean"})],
        ColumnType::Timestamp => vec![
            json!({"type": "string", "format": "date-time"}),
            json!({"type": "integer", "description": "Milliseconds since 1970-01-01T00:00:00Z"}),
        ],
    };
    if !column.required {
        alternatives.push(json!({"type": "null"}));
    }
    let mut property = match alternatives.as_mut_slice() {
        [only] => only.take(),
        _ => json!({"anyOf": alternatives}),
    };
    property["description"] = column.description.as_str().into();
    if let Some(unit) = &column.unit {
        property["unit"] = unit.as_str().into();
    }
    property
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn optional_and_nested_columns() {
        let dataset = Dataset::parse(
            r#"name = "nested"
description = "Nested events"
columns = [
    { name = "at", field_id = 100, type = "timestamp", required = true, description = "When" },
    { name = "who", field_id = 101, type = "string", required = true, path = "user.id" },
    { name = "level", field_id = 102, type = "double", path = "user.level", unit = "m" },
]
[roles]
event_time = "at"
[windows]
keys = ["who"]
measure = "level"
"#,
        )
        .unwrap();
        let schema = schema(&dataset);
        insta::assert_snapshot!(schema["properties"]["at"], @r#"{"anyOf":[{"format":"date-time","type":"string"},{"description":"Milliseconds since 1970-01-01T00:00:00Z","type":"integer"}],"description":"When"}"#);
        insta::assert_snapshot!(schema["properties"]["user"], @r#"{"additionalProperties":true,"properties":{"id":{"description":"","type":"string"},"level":{"anyOf":[{"type":"number"},{"type":"null"}],"description":"","unit":"m"}},"required":["id"],"type":"object"}"#);
        assert_eq!(schema["required"], json!(["at", "user"]));
        assert_eq!((&schema["title"], &schema["description"]), (&json!("nested"), &json!("Nested events")));
    }
}
