//! The payload around the records: odd forms of it, in which every record must be found, and broken ones,
//! of which nothing may land.

use base64_simd::STANDARD;
use penstock_fuzz::compare::check_payload;
use penstock_fuzz::corpus::{ARRIVAL, event};
use penstock_runtime::Call;
use penstock_tests::lake::TestLake;

use crate::on_a_small_stack;

/// How many records an odd payload holds.
const RECORDS: u64 = 3;

/// A record whose fields are those of `template`, with its `OFFSET`, `TIME` and `VALUE` filled in.
fn record(template: &str, offset: u64) -> String {
    let value = STANDARD.encode_to_string(event(offset + 1).to_string());
    let time = ARRIVAL / 1000;
    template.replace("OFFSET", &offset.to_string()).replace("TIME", &time.to_string()).replace("VALUE", &value)
}

fn records(template: &str) -> String {
    (0..RECORDS).map(|offset| record(template, offset)).collect::<Vec<_>>().join(",")
}

fn kafka(records: &str) -> String {
    format!(r#"{{"eventSource":"aws:kafka","records":{{"events-0":[{records}]}}}}"#)
}

/// The usual fields, and others before and behind them.
fn with(before: &str, behind: &str) -> String {
    let usual = r#""topic":"events","partition":0,"offset":OFFSET,"timestamp":TIME,"value":"VALUE""#;
    kafka(&records(&format!("{{{before}{usual}{behind}}}")))
}

/// Every record of the payload is in silver afterwards, and nothing is rejected.
async fn check_odd(name: &str, payload: &str) {
    check_payload(payload.as_bytes());
    let lake = TestLake::in_memory();
    let landed = lake.ingest().handle(payload.as_bytes(), &Call::default()).await;
    let landed = landed.unwrap_or_else(|failure| panic!("{name}: {failure}"));
    assert_eq!(landed["landed"], RECORDS, "{name}");
    lake.drain().await;
    let reading = lake.read().await;
    assert_eq!(reading.rejects(), [], "{name}");
    assert_eq!(reading.ids_each_once().len() as u64, RECORDS, "{name}");
}

#[test]
fn odd_envelopes_are_read() {
    on_a_small_stack(async {
        let deep = format!("{}0{}", "[{\"a\":".repeat(50_000), "}]".repeat(50_000));
        let fields = [
            ("no headers", "", String::new()),
            ("headers null", "", r#","headers":null"#.to_owned()),
            ("headers empty", "", r#","headers":[]"#.to_owned()),
            ("headers signed", "", r#","headers":[{"h":[-128,-1,0,127]}]"#.to_owned()),
            ("headers unsigned", "", r#","headers":[{"h":[255,128]}]"#.to_owned()),
            ("headers repeated", "", r#","headers":[{"h":[1]},{"h":[2]},{"h":[1],"h":[2]}]"#.to_owned()),
            ("headers no bytes", "", r#","headers":[{"":[]},{"offset":[7]},{"h":"x"},{"h":null},5]"#.to_owned()),
            ("headers an object", "", r#","headers":{"value":"x","offset":99}"#.to_owned()),
            ("headers twice", r#""headers":[],"#, r#","headers":[]"#.to_owned()),
            ("key absent", "", String::new()),
            ("key null", r#""key":null,"#, String::new()),
            ("key empty", r#""key":"","#, String::new()),
            ("key escaped", r#""\u006bey":"ZGU\u003d","#, String::new()),
            (
                "schema metadata",
                "",
                r#","keySchemaMetadata":{"dataFormat":"JSON","schemaId":"1"},"valueSchemaMetadata":{}"#.to_owned(),
            ),
            ("timestamp type unknown", "", r#","timestampType":"NO_TIMESTAMP_TYPE""#.to_owned()),
            ("timestamp type null", "", r#","timestampType":null"#.to_owned()),
            ("unknown fields", r#""a":[[{"b":[]}],"x",1e5,null],"#, r#","offset2":-1,"":{}"#.to_owned()),
            ("deep", "", format!(r#","x":{deep}"#)),
            ("deep first", &format!(r#""x":{deep},"#), String::new()),
            ("huge number", "", r#","x":1e99999999999999999999"#.to_owned()),
        ];
        for (name, before, behind) in &fields {
            check_odd(name, &with(before, behind)).await;
        }
        for (name, template) in ODD_RECORDS {
            check_odd(name, &kafka(&records(template))).await;
        }
        for (name, before, behind) in ODD_EVENTS {
            let usual = records(r#"{"topic":"events","partition":0,"offset":OFFSET,"timestamp":TIME,"value":"VALUE"}"#);
            check_odd(name, &format!("{before}{usual}{behind}")).await;
        }
    });
}

const ODD_RECORDS: [(&str, &str); 12] = [
    ("no timestamp", r#"{"topic":"events","partition":0,"offset":OFFSET,"value":"VALUE"}"#),
    ("timestamp -1", r#"{"topic":"events","partition":0,"offset":OFFSET,"timestamp":-1,"value":"VALUE"}"#),
    (
        "timestamp huge",
        r#"{"topic":"events","partition":0,"offset":OFFSET,"timestamp":9223372036854775807,"value":"VALUE"}"#,
    ),
    ("timestamp a fraction", r#"{"topic":"events","partition":0,"offset":OFFSET,"timestamp":0.5,"value":"VALUE"}"#),
    (
        "numbers in other spellings",
        r#"{"topic":"events","partition":0e5,"offset":OFFSET.0,"timestamp":TIMEe0,"value":"VALUE"}"#,
    ),
    ("value first", r#"{"value":"VALUE","timestamp":TIME,"offset":OFFSET,"partition":0,"topic":"events"}"#),
    (
        "white space",
        " {\n\t\"topic\" : \"events\" ,\r\n \"partition\" : 0 , \"offset\" : OFFSET , \"timestamp\" : TIME , \"value\" : \"VALUE\" } ",
    ),
    (
        "escaped keys",
        r#"{"\u0074opic":"events","partiti\u006fn":0,"\u006f\u0066\u0066\u0073\u0065\u0074":OFFSET,"timestamp":TIME,"\u0076alue":"VALUE"}"#,
    ),
    (
        "escaped topic",
        r#"{"topic":"\u0065vents-\ud83d\ude00\/","partition":0,"offset":OFFSET,"timestamp":TIME,"value":"VALUE"}"#,
    ),
    (
        "topic that is no path",
        r#"{"topic":"../../a=b/%00","partition":0,"offset":OFFSET,"timestamp":TIME,"value":"VALUE"}"#,
    ),
    (
        "another field of the name",
        r#"{"offset":"x","topic":5,"value":[],"topic":"events","partition":0,"offset":OFFSET,"timestamp":TIME,"value":"VALUE","value":7}"#,
    ),
    (
        "the last of a name",
        r#"{"offset":77,"value":"AAAA","topic":"t","topic":"events","partition":9,"partition":0,"offset":OFFSET,"timestamp":TIME,"value":"VALUE"}"#,
    ),
];

const ODD_EVENTS: [(&str, &str, &str); 9] = [
    (
        "self-managed",
        r#"{"eventSource":"SelfManagedKafka","bootstrapServers":"a:1,b:2","records":{"events-0":["#,
        "]}}",
    ),
    ("source behind", r#"{"records":{"events-0":["#, r#"]},"eventSource":"aws:kafka"}"#),
    ("another name of the array", r#"{"eventSource":"aws:kafka","records":{"":["#, "]}}"),
    ("empty arrays beside", r#"{"eventSource":"aws:kafka","records":{"a":[],"events-0":["#, r#"],"events-0":[]}}"#),
    ("arrays that are none", r#"{"eventSource":"aws:kafka","records":{"a":null,"b":{},"c":5,"events-0":["#, "]}}"),
    ("records twice", r#"{"eventSource":"aws:kafka","records":{"events-0":["#, r#"]},"records":null,"Records":{}}"#),
    ("source twice", r#"{"eventSource":"aws:sqs","eventSource":"aws:kafka","records":{"events-0":["#, "]}}"),
    ("white space", "\r\n { \"eventSource\" :\t\"aws:kafka\" , \"records\" : { \"events-0\" : [ ", " ] } } \n"),
    (
        "unknown fields",
        r#"{"x":{"records":{"t":[{}]}},"eventSource":"aws:kafka","y":[1e400],"records":{"events-0":["#,
        r#"]},"z":"\ud83d\ude00"}"#,
    ),
];

#[test]
fn broken_envelopes_land_nothing() {
    on_a_small_stack(async {
        let good = with("", "");
        let endless = "[{\"a\":".repeat(100_000);
        let mut broken: Vec<String> = (0..good.len()).step_by(7).map(|length| good[..length].to_owned()).collect();
        broken.extend([
            String::new(),
            "null".to_owned(),
            "[]".to_owned(),
            "{}".to_owned(),
            format!("{good}x"),
            format!("{good}{good}"),
            format!("\u{feff}{good}"),
            good.replace("aws:kafka", "aws:sqs"),
            good.replace("records", "record"),
            good.replace("\"offset\":2", "\"offset\":1"),
            good.replace("\"offset\":2", "\"offset\":-2"),
            good.replace("\"offset\":2", "\"offset\":2.5"),
            good.replace("\"offset\":2", "\"offset\":\"2\""),
            good.replace("\"offset\":2", "\"offset\":null"),
            good.replace("\"offset\":2", "\"offset\":9223372036854775808"),
            good.replace("\"offset\":2", "\"offset\":02"),
            good.replace("\"offset\":2,", ""),
            good.replace("\"offset\":0,", "\"offset\":0,\"offset\":1,"),
            good.replace("\"partition\":0", "\"partition\":-1"),
            good.replace("\"partition\":0", "\"partition\":2147483648"),
            good.replace("\"topic\":\"events\"", "\"topic\":\"\""),
            good.replace("\"topic\":\"events\"", "\"topic\":\"\\ud800\""),
            good.replace("\"topic\":\"events\"", "\"topic\":null"),
            good.replace("\"value\"", "\"x\":\"\\x\",\"value\""),
            good.replace("\"value\"", "\"x\":NaN,\"value\""),
            good.replace("\"value\"", &format!("\"x\":{endless},\"value\"")),
            format!(r#"{{"eventSource":"aws:kafka","records":{endless}"#),
        ]);
        for payload in broken {
            check_payload(payload.as_bytes());
            let lake = TestLake::in_memory();
            let shown: String = payload.chars().take(300).collect();
            assert!(lake.ingest().handle(payload.as_bytes(), &Call::default()).await.is_err(), "{shown}");
            assert_eq!(lake.store.list_after("", None, 10).await.unwrap().len(), 0, "{shown}");
        }
    });
}
