//! Writes the corpus of poison and odd records as seeds, a folder per fuzz target: `seeds FOLDER`.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "a tool for developers fails by panicking")]

use std::fs;
use std::path::Path;

use penstock_fuzz::compare::Subject;
use penstock_fuzz::corpus::{Carried, odd, poison};

/// Longer ones slow a fuzzer down and show it nothing more.
const LONGEST: usize = 1_000;

/// Payloads of both sources with every field that is documented, and odd ones.
const PAYLOADS: [&str; 4] = [
    r#"{"eventSource":"aws:kafka","eventSourceArn":"arn:aws:kafka:eu-west-1:1:cluster/c/a","bootstrapServers":"b-1:9094","records":{"t-0":[{"topic":"t","partition":0,"offset":15,"timestamp":1545084650987,"timestampType":"CREATE_TIME","key":"ZGV2LTE=","value":"e30=","headers":[{"h":[104,-61]}],"keySchemaMetadata":{"schemaId":"1"}},{"topic":"t","partition":0,"offset":16,"timestamp":1545084650988,"timestampType":"CREATE_TIME","key":"ZGV2LTI=","value":"e31=","headers":[{"h":[104,-61]}],"keySchemaMetadata":{"schemaId":"1"}}]}}"#,
    r#"{"records":{"t-0":[{"topic":"t","partition":0,"offset":1,"timestamp":-1,"timestampType":"LOG_APPEND_TIME","key":null,"value":null},{"\u0074opic":"t","partition":1,"offset":1.0,"value":"a\/b\u003d"}],"t-1":null},"eventSource":"SelfManagedKafka"}"#,
    r#"{"Records":[{"kinesis":{"kinesisSchemaVersion":"1.0","partitionKey":"d","sequenceNumber":"49590338271490256608559692538361571095921575989136588898","data":"e30=","approximateArrivalTimestamp":1545084650.987},"eventSource":"aws:kinesis","eventID":"shardId-000000000006:49590338271490256608559692538361571095921575989136588898","eventSourceARN":"arn:aws:kinesis:us-east-2:1:stream/events"}]}"#,
    r#"{"eventSource":"aws:sqs","Records":[{"eventSource":"aws:sqs","body":"x"}]}"#,
];

fn main() {
    let folder = std::env::args().nth(1).expect("a folder for the seeds");
    let write = |target: &str, name: &str, bytes: &[u8]| {
        let folder = Path::new(&folder).join(target);
        fs::create_dir_all(&folder).unwrap();
        fs::write(folder.join(name.replace('/', "-")), bytes).unwrap();
    };
    for case in poison().into_iter().chain(odd()) {
        if let Carried::Bytes(bytes) = &case.value
            && bytes.len() <= LONGEST
        {
            write("record", &case.name, bytes);
        }
    }
    write("nested", "good", Subject::nested().good());
    write("nested", "iot", Subject::iot().good());
    for (number, payload) in PAYLOADS.iter().enumerate() {
        write("payload", &number.to_string(), payload.as_bytes());
    }
}
