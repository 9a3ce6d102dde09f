//! The mappings that Lambda's API lists: the answer of `ListEventSourceMappings`.

use serde::Deserialize;
use serde::de::IgnoredAny;
use serde_json::value::RawValue;

use super::Mapping;

/// One page of the list.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "PascalCase")]
pub(crate) struct Page {
    event_source_mappings: Vec<Box<RawValue>>,
    /// Where the next page begins; none after the last one.
    pub(crate) next_marker: Option<String>,
}

/// A mapping of a Kafka topic, as the list has it.
#[derive(Clone, Debug, PartialEq)]
pub struct Listed {
    pub uuid: String,
    /// Whether it is to be served: it is neither disabled nor being deleted.
    pub is_enabled: bool,
    /// Or everything that is wrong with it.
    pub mapping: Result<Mapping, Vec<String>>,
}

/// The fields that say whether a mapping is one for us.
#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "PascalCase", default)]
struct Head {
    #[serde(rename = "UUID")]
    uuid: String,
    state: Option<String>,
    event_source_arn: Option<String>,
    self_managed_event_source: Option<IgnoredAny>,
}

impl Page {
    /// Reads an answer of the API.
    pub(crate) fn read(json: &[u8]) -> Result<Self, String> {
        serde_json::from_slice(json)
            .map_err(|error| format!("this is no answer of Lambda's ListEventSourceMappings: {error}"))
    }

    /// The mappings of Kafka topics; the others are served by Lambda or its emulator.
    ///
    /// `brokers` are the bootstrap servers of MSK, which its mappings do not say.
    pub(crate) fn kafka(&self, brokers: Option<&str>) -> Vec<Listed> {
        self.event_source_mappings.iter().filter_map(|json| Listed::read(json, brokers)).collect()
    }
}

impl Listed {
    fn read(json: &RawValue, brokers: Option<&str>) -> Option<Self> {
        let head: Head = serde_json::from_str(json.get()).ok()?;
        let is_msk = head.event_source_arn.as_deref().is_some_and(|arn| arn.split(':').nth(2) == Some("kafka"));
        let is_self_managed = head.self_managed_event_source.is_some();
        (is_msk || is_self_managed).then(|| Self {
            uuid: head.uuid,
            // A state that is not known here keeps nothing from being served.
            is_enabled: !matches!(head.state.as_deref(), Some("Disabled" | "Disabling" | "Deleting")),
            mapping: Mapping::from_aws(json.get().as_bytes(), brokers.filter(|_| !is_self_managed)),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const MSK: &str = include_str!("../../tests/fixtures/mapping_msk.json");
    const SELF_MANAGED: &str = include_str!("../../tests/fixtures/mapping_self_managed.json");

    fn read(mappings: &str) -> Vec<Listed> {
        let json = format!(r#"{{"EventSourceMappings":[{mappings}],"NextMarker":null}}"#);
        Page::read(json.as_bytes()).unwrap().kafka(Some("b:9092"))
    }

    #[test]
    fn finds_the_mappings_of_kafka_and_where_it_is() {
        let listed = read(&format!(
            r#"{MSK}, {SELF_MANAGED}, {{"UUID":"1","EventSourceArn":"arn:aws:kinesis:us-east-1:0:stream/s"}}"#
        ));
        let servers = listed.iter().map(|listed| listed.mapping.as_ref().unwrap().bootstrap_servers.as_str());
        assert_eq!(servers.collect::<Vec<_>>(), ["b:9092", "abc.xyz.com:9092,abc2.xyz.com:9092"]);
    }

    #[test]
    fn a_mapping_is_served_unless_it_is_disabled_or_being_deleted() {
        let is_enabled =
            |state: &str| read(&format!(r#"{{"SelfManagedEventSource":{{}},"State":"{state}"}}"#))[0].is_enabled;
        for (state, expect) in [
            ("Creating", true),
            ("Enabling", true),
            ("Enabled", true),
            ("Updating", true),
            ("Disabling", false),
            ("Disabled", false),
            ("Deleting", false),
        ] {
            assert_eq!(is_enabled(state), expect, "{state}");
        }
    }

    #[test]
    fn a_mapping_that_cannot_be_served_says_why() {
        let listed = read(r#"{"UUID":"u","SelfManagedEventSource":{},"Topics":["a","b"]}"#);
        assert_eq!(listed[0].uuid, "u");
        assert!(listed[0].mapping.as_ref().unwrap_err().iter().any(|problem| problem.contains("exactly one")));
    }

    #[test]
    fn an_answer_of_something_else_is_refused() {
        assert!(Page::read(b"<html>").unwrap_err().contains("ListEventSourceMappings"));
        assert!(Page::read(b"{}").unwrap_err().contains("ListEventSourceMappings"));
    }
}
