//! What an event says: alarms of CloudWatch, or whatever else somebody published to the topic.
//!
//! In: the event that SNS gives a Lambda function. Out: notices, one for each record. Nothing is dropped: what is no
//! alarm becomes a text.
//!
//! Source of the shapes: the developer guide of AWS Lambda, "Using Lambda with Amazon SNS", and CloudWatch's
//! notifications of alarms.

use std::collections::BTreeMap;

use jiff::Timestamp;
use jiff::fmt::strtime;
use serde::{Deserialize, Serialize, Serializer};
use serde_json::Value;
use serde_json::value::RawValue;

/// One thing to tell.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[serde(tag = "kind", rename_all = "snake_case")]
pub(crate) enum Notice {
    Alarm(Box<Alarm>),
    Text(Text),
}

impl Notice {
    /// The same whenever the same message is delivered again.
    pub(crate) fn id(&self) -> &str {
        match self {
            Self::Alarm(alarm) => &alarm.id,
            Self::Text(text) => &text.id,
        }
    }

    /// The last one of an alarm that keeps changing, before `until` (epoch microseconds), says so.
    pub(crate) fn into_the_last_before(mut self, until: i64) -> Self {
        if let Self::Alarm(alarm) = &mut self {
            alarm.quiet_until = Timestamp::from_microsecond(until).ok();
        }
        self
    }
}

/// An alarm went off, or is over.
#[derive(Clone, Debug, Default, PartialEq, Serialize)]
pub(crate) struct Alarm {
    pub id: String,
    pub name: String,
    pub state: State,
    /// The state before, where CloudWatch says it.
    #[serde(skip)]
    pub was: Option<State>,
    /// What it means, as its description says.
    pub meaning: String,
    /// When it came into its state.
    #[serde(serialize_with = "as_text")]
    pub since: Option<Timestamp>,
    /// For how long it was in alarm; only of one that is over, and only where that is known.
    pub was_in_alarm_secs: Option<i64>,
    /// It changes so often that nothing further is told of it before.
    #[serde(serialize_with = "as_text")]
    pub quiet_until: Option<Timestamp>,
    /// The value that decided, as CloudWatch writes it.
    pub value: Option<String>,
    /// What it is compared with, such as `> 5`.
    pub threshold: Option<String>,
    /// What was measured, over which time.
    pub measured: Option<String>,
    /// Why, in CloudWatch's own words.
    pub reason: String,
    pub runbook: Option<String>,
    pub dashboard: Option<String>,
    /// The alarm in AWS's console.
    pub console: Option<String>,
    pub account: String,
    pub region: String,
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) enum State {
    #[default]
    #[serde(rename = "ALARM")]
    Alarm,
    #[serde(rename = "OK")]
    Ok,
    #[serde(rename = "INSUFFICIENT_DATA")]
    InsufficientData,
}

/// Something that is no alarm.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub(crate) struct Text {
    pub id: String,
    /// Why it looks as it does.
    pub note: &'static str,
    pub subject: Option<String>,
    pub text: String,
}

const NO_ALARM: &str = "This is no alarm of CloudWatch's; it is shown as it came.";
const NOT_FROM_SNS: &str = "This did not come from SNS; it is shown as it came.";

/// The notices of an event. One that is not from SNS is a notice itself, known by the id of its request.
pub(crate) fn notices(event: &[u8], request_id: &str) -> Vec<Notice> {
    let Ok(Event { records }) = serde_json::from_slice(event) else {
        return vec![foreign(request_id.to_owned(), &String::from_utf8_lossy(event))];
    };
    let notice = |(index, record): (usize, &str)| match serde_json::from_str(record) {
        Ok(Record { sns }) => published(sns),
        Err(_) => foreign(format!("{request_id}/{index}"), record),
    };
    records.iter().map(|record| record.get()).enumerate().map(notice).collect()
}

fn foreign(id: String, text: &str) -> Notice {
    Notice::Text(Text { id, note: NOT_FROM_SNS, subject: None, text: text.to_owned() })
}

fn published(Sns { id, subject, message }: Sns) -> Notice {
    match serde_json::from_str::<AlarmMessage>(&message) {
        Ok(alarm) => Notice::Alarm(Box::new(alarm.into_alarm(id))),
        Err(_) => Notice::Text(Text { id, note: NO_ALARM, subject, text: message }),
    }
}

#[derive(Deserialize)]
struct Event {
    #[serde(rename = "Records")]
    records: Vec<Box<RawValue>>,
}

#[derive(Deserialize)]
struct Record {
    #[serde(rename = "Sns")]
    sns: Sns,
}

#[derive(Deserialize)]
struct Sns {
    #[serde(rename = "MessageId")]
    id: String,
    #[serde(rename = "Subject")]
    subject: Option<String>,
    #[serde(rename = "Message")]
    message: String,
}

/// Only its name and state are needed for it to be an alarm.
#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct AlarmMessage {
    alarm_name: String,
    new_state_value: State,
    #[serde(default)]
    old_state_value: Option<State>,
    #[serde(default)]
    alarm_description: Option<String>,
    #[serde(default)]
    new_state_reason: Option<String>,
    #[serde(default)]
    state_change_time: Option<String>,
    #[serde(default)]
    alarm_arn: Option<String>,
    #[serde(default, rename = "AWSAccountId")]
    account: Option<String>,
    #[serde(default)]
    region: Option<String>,
    /// Of a composite alarm there is none.
    #[serde(default)]
    trigger: Option<Value>,
}

impl AlarmMessage {
    fn into_alarm(self, id: String) -> Alarm {
        let description = Description::read(&self.alarm_description.unwrap_or_default());
        let reason = self.new_state_reason.unwrap_or_default();
        // What is odd about the trigger costs its line, and not the alarm.
        let trigger = self.trigger.and_then(|trigger| serde_json::from_value::<Trigger>(trigger).ok());
        let arn = self.alarm_arn.unwrap_or_default();
        Alarm {
            id,
            name: self.alarm_name,
            state: self.new_state_value,
            was: self.old_state_value,
            meaning: description.meaning,
            since: self.state_change_time.as_deref().and_then(time),
            was_in_alarm_secs: None,
            quiet_until: None,
            value: first_value(&reason),
            threshold: trigger.as_ref().and_then(Trigger::condition),
            measured: trigger.as_ref().and_then(Trigger::measured),
            reason,
            runbook: description.runbook,
            dashboard: description.dashboard,
            console: console(&arn),
            account: self.account.unwrap_or_default(),
            region: arn.split(':').nth(3).map_or_else(|| self.region.unwrap_or_default(), str::to_owned),
        }
    }
}

/// An alarm's description: what it means, and a line for each link. E-mail shows it whole.
#[derive(Default)]
struct Description {
    meaning: String,
    runbook: Option<String>,
    dashboard: Option<String>,
}

impl Description {
    fn read(text: &str) -> Self {
        let mut read = Self::default();
        let mut meaning = Vec::new();
        for line in text.lines() {
            let link = line.split_once(": ").filter(|(_, url)| url.starts_with("https://"));
            match link {
                Some(("Runbook", url)) => read.runbook = Some(url.trim().to_owned()),
                Some(("Dashboard", url)) => read.dashboard = Some(url.trim().to_owned()),
                _ => meaning.push(line),
            }
        }
        meaning.join("\n").trim().clone_into(&mut read.meaning);
        read
    }
}

/// Of an alarm on one metric; one on an expression has only the comparison.
#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Trigger {
    #[serde(default)]
    metric_name: Option<String>,
    #[serde(default)]
    namespace: Option<String>,
    #[serde(default, alias = "ExtendedStatistic")]
    statistic: Option<String>,
    #[serde(default)]
    dimensions: Vec<BTreeMap<String, String>>,
    #[serde(default)]
    period: Option<u64>,
    #[serde(default)]
    evaluation_periods: Option<u64>,
    #[serde(default)]
    datapoints_to_alarm: Option<u64>,
    #[serde(default)]
    comparison_operator: Option<String>,
    #[serde(default)]
    threshold: Option<f64>,
}

impl Trigger {
    fn condition(&self) -> Option<String> {
        let operator = match self.comparison_operator.as_deref()? {
            "GreaterThanThreshold" => ">",
            "GreaterThanOrEqualToThreshold" => ">=",
            "LessThanThreshold" => "<",
            "LessThanOrEqualToThreshold" => "<=",
            other => other,
        };
        Some(format!("{operator} {}", self.threshold?))
    }

    fn measured(&self) -> Option<String> {
        let metric = self.metric_name.as_deref()?;
        let statistic = self.statistic.as_deref().unwrap_or("value").to_lowercase();
        let namespace = self.namespace.as_deref().unwrap_or_default();
        let dimensions =
            self.dimensions.iter().filter_map(|each| Some(format!("{} {}", each.get("name")?, each.get("value")?)));
        let dimensions = dimensions.collect::<Vec<_>>().join(", ");
        let of = if dimensions.is_empty() { String::new() } else { format!(" of {dimensions}") };
        let over = match (self.period, self.evaluation_periods) {
            (Some(period), Some(1)) => format!(", over {period} s"),
            (Some(period), Some(periods)) => {
                format!(", in {} of {periods} periods of {period} s", self.datapoints_to_alarm.unwrap_or(periods))
            }
            _ => String::new(),
        };
        Some(format!("{statistic} of {namespace} {metric}{of}{over}"))
    }
}

/// `70.5` of "Threshold Crossed: 1 datapoint [70.5 (04/06/21 19:19:00)] was greater than the threshold (70.0)."
fn first_value(reason: &str) -> Option<String> {
    let (_, points) = reason.split_once('[')?;
    let number = points.split([' ', ',', ']']).next()?;
    Some(number.parse::<f64>().ok()?.to_string())
}

/// `2017-01-12T16:30:42.236+0000`
fn time(text: &str) -> Option<Timestamp> {
    let parsed = strtime::parse("%Y-%m-%dT%H:%M:%S%.f%z", text).and_then(|time| time.to_timestamp());
    parsed.or_else(|_| text.parse()).ok()
}

/// As RFC 3339.
fn as_text<S: Serializer>(time: &Option<Timestamp>, serializer: S) -> Result<S::Ok, S::Error> {
    time.map(|time| time.to_string()).serialize(serializer)
}

/// Where AWS's console shows an alarm, of `arn:aws:cloudwatch:REGION:ACCOUNT:alarm:NAME`.
fn console(arn: &str) -> Option<String> {
    let mut parts = arn.splitn(7, ':').skip(1);
    let (partition, _, region, _, _, name) =
        (parts.next()?, parts.next()?, parts.next()?, parts.next()?, parts.next()?, parts.next()?);
    let host = match partition {
        "aws-cn" => "console.amazonaws.cn",
        "aws-us-gov" => "console.amazonaws-us-gov.com",
        _ => "console.aws.amazon.com",
    };
    Some(format!("https://{region}.{host}/cloudwatch/home?region={region}#alarmsV2:alarm/{}", in_a_link(name)))
}

fn in_a_link(name: &str) -> String {
    let escape = |byte: u8| match byte {
        b'-' | b'.' | b'_' => char::from(byte).to_string(),
        byte if byte.is_ascii_alphanumeric() => char::from(byte).to_string(),
        byte => format!("%{byte:02X}"),
    };
    name.bytes().map(escape).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    const ALARM: &str = r#"{
        "AlarmName": "penstock-dev-letters", "NewStateValue": "ALARM", "OldStateValue": "OK",
        "AlarmDescription": "Batches were given up.\nRunbook: https://example.org/runbook#letters\nDashboard: https://example.org/d",
        "NewStateReason": "Threshold Crossed: 1 out of the last 1 datapoints [3.0 (21/11/26 12:00:00)] was greater than the threshold (0.0).",
        "StateChangeTime": "2026-11-21T12:01:30.250+0000", "AWSAccountId": "111122223333", "Region": "EU (Frankfurt)",
        "AlarmArn": "arn:aws:cloudwatch:eu-central-1:111122223333:alarm:penstock-dev letters",
        "Trigger": {
            "MetricName": "ApproximateNumberOfMessagesVisible", "Namespace": "AWS/SQS", "StatisticType": "Statistic",
            "Statistic": "MAXIMUM", "Unit": null, "Dimensions": [{ "value": "letters", "name": "QueueName" }],
            "Period": 60, "EvaluationPeriods": 3, "DatapointsToAlarm": 2,
            "ComparisonOperator": "GreaterThanThreshold", "Threshold": 0.0, "TreatMissingData": "notBreaching"
        }
    }"#;

    fn record(message: &str) -> Value {
        serde_json::json!({ "EventSource": "aws:sns", "Sns": { "MessageId": "m", "Subject": "s", "Message": message } })
    }

    fn read(event: &Value) -> Vec<Notice> {
        notices(event.to_string().as_bytes(), "r")
    }

    #[test]
    fn an_alarm_says_what_since_when_how_much_and_where_to_look() {
        let event = serde_json::json!({ "Records": [record(ALARM)] });
        let [Notice::Alarm(alarm)] = &read(&event)[..] else { panic!("no alarm") };
        assert_eq!((alarm.id.as_str(), alarm.state), ("m", State::Alarm));
        assert_eq!(alarm.meaning, "Batches were given up.");
        assert_eq!(alarm.since.unwrap().to_string(), "2026-11-21T12:01:30.25Z");
        assert_eq!((alarm.value.as_deref(), alarm.threshold.as_deref()), (Some("3"), Some("> 0")));
        let measured =
            "maximum of AWS/SQS ApproximateNumberOfMessagesVisible of QueueName letters, in 2 of 3 periods of 60 s";
        assert_eq!(alarm.measured.as_deref(), Some(measured));
        assert_eq!(alarm.runbook.as_deref(), Some("https://example.org/runbook#letters"));
        assert_eq!(alarm.dashboard.as_deref(), Some("https://example.org/d"));
        let console = "https://eu-central-1.console.aws.amazon.com/cloudwatch/home?region=eu-central-1#alarmsV2:alarm/penstock-dev%20letters";
        assert_eq!(alarm.console.as_deref(), Some(console));
        assert_eq!(alarm.region, "eu-central-1");
    }

    #[test]
    fn a_name_and_a_state_make_an_alarm() {
        let check = |message: &str, expect: &str| {
            let event = serde_json::json!({ "Records": [record(message)] });
            let kind = match &read(&event)[..] {
                [Notice::Alarm(alarm)] => format!("{:?}", alarm.state),
                [Notice::Text(Text { note, text, subject, .. })] => {
                    assert_eq!((text.as_str(), subject.as_deref(), *note), (message, Some("s"), NO_ALARM));
                    "Text".to_owned()
                }
                other => panic!("{other:?}"),
            };
            assert_eq!(kind, expect, "{message}");
        };
        check(r#"{"AlarmName":"a","NewStateValue":"OK"}"#, "Ok");
        // A composite alarm, and one on an expression.
        check(r#"{"AlarmName":"a","NewStateValue":"ALARM","AlarmRule":"ALARM(b)","Trigger":null}"#, "Alarm");
        check(
            r#"{"AlarmName":"a","NewStateValue":"INSUFFICIENT_DATA","Trigger":{"Metrics":[{"Id":"e"}]}}"#,
            "InsufficientData",
        );
        // A trigger of a shape that nobody knows.
        check(r#"{"AlarmName":"a","NewStateValue":"ALARM","Trigger":{"Dimensions":"none"}}"#, "Alarm");
        check(r#"{"AlarmName":"a","NewStateValue":"BROKEN"}"#, "Text");
        check(r#"{"AlarmName":"a"}"#, "Text");
        check("the disk is full", "Text");
        check("", "Text");
    }

    #[test]
    fn what_is_not_from_sns_is_shown_as_it_came() {
        let check = |event: &str, expect: &[(&str, &str)]| {
            let read = notices(event.as_bytes(), "r");
            let found: Vec<(&str, &str)> = read
                .iter()
                .map(|notice| match notice {
                    Notice::Text(Text { id, note: NOT_FROM_SNS, subject: None, text }) => (id.as_str(), text.as_str()),
                    other => panic!("{other:?}"),
                })
                .collect();
            assert_eq!(found, expect, "{event}");
        };
        check("null", &[("r", "null")]);
        check(r#"{"source":"aws.events"}"#, &[("r", r#"{"source":"aws.events"}"#)]);
        check(r#"{"Records":[{"s3":{}},1]}"#, &[("r/0", r#"{"s3":{}}"#), ("r/1", "1")]);
        check(r#"{"Records":[]}"#, &[]);
    }
}
