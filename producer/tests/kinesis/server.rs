//! A small Kinesis on 127.0.0.1 that can be told to answer otherwise: as much of the protocol as the sink uses.

use std::collections::VecDeque;
use std::net::SocketAddr;
use std::sync::{Arc, Mutex};

use bytes::Bytes;
use http_body_util::{BodyExt, Full};
use hyper::body::Incoming;
use hyper::service::service_fn;
use hyper::{Request, Response};
use hyper_util::rt::TokioIo;
use serde_json::{Value, json};
use tokio::net::TcpListener;
use tokio::runtime::{Builder, Runtime};

pub(crate) const STREAM: &str = "clicks";

/// What a request to put records gets.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Reply {
    Normal,
    /// Each record whose place in the request divides by the number is refused with this code.
    RefuseEvery(usize, &'static str),
    /// This status and error code, without an effect.
    Status(u16, &'static str),
    /// The connection is reset without an effect.
    ResetBefore,
    /// The connection is reset after the effect.
    ResetAfter,
    /// The shards are closed and new ones take their place, so many.
    Reshard(usize),
}

/// A record in the stream.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Stored {
    pub(crate) shard: String,
    pub(crate) sequence_number: String,
    pub(crate) key: String,
    pub(crate) data: Vec<u8>,
}

/// The server; it ends when it is dropped.
pub(crate) struct Server {
    address: SocketAddr,
    state: Arc<Mutex<State>>,
    _runtime: Runtime,
}

struct State {
    status: &'static str,
    /// Where the open shards begin to count, and how many they are.
    shards: (usize, usize),
    log: Vec<Stored>,
    script: VecDeque<Reply>,
    /// How many records each request had.
    requests: Vec<usize>,
}

impl Server {
    pub(crate) fn start(script: &[Reply]) -> Self {
        let runtime = Builder::new_multi_thread().worker_threads(1).enable_all().build().unwrap();
        let listener = runtime.block_on(TcpListener::bind("127.0.0.1:0")).unwrap();
        let address = listener.local_addr().unwrap();
        let state = State {
            status: "ACTIVE",
            shards: (0, 2),
            log: Vec::new(),
            script: script.iter().copied().collect(),
            requests: Vec::new(),
        };
        let state = Arc::new(Mutex::new(state));
        let shared = Arc::clone(&state);
        runtime.spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                // A connection that is dropped in the middle is reset and not closed in good order.
                stream.set_zero_linger().unwrap();
                let state = Arc::clone(&shared);
                let answer = service_fn(move |request| respond(Arc::clone(&state), request));
                let connection =
                    hyper::server::conn::http1::Builder::new().serve_connection(TokioIo::new(stream), answer);
                tokio::spawn(async move { drop(connection.await) });
            }
        });
        Self { address, state, _runtime: runtime }
    }

    pub(crate) fn url(&self) -> String {
        format!("http://{}", self.address)
    }

    pub(crate) fn set_status(&self, status: &'static str) {
        self.state.lock().unwrap().status = status;
    }

    pub(crate) fn log(&self) -> Vec<Stored> {
        self.state.lock().unwrap().log.clone()
    }

    pub(crate) fn requests(&self) -> Vec<usize> {
        self.state.lock().unwrap().requests.clone()
    }
}

/// `Err` ends the connection.
async fn respond(
    state: Arc<Mutex<State>>,
    request: Request<Incoming>,
) -> Result<Response<Full<Bytes>>, Box<dyn std::error::Error + Send + Sync>> {
    let target = request.headers()["x-amz-target"].to_str()?.to_owned();
    let body: Value = serde_json::from_slice(&request.into_body().collect().await?.to_bytes())?;
    let mut state = state.lock().unwrap();
    let (status, answer) = match target.as_str() {
        _ if body["StreamName"] != STREAM => (400, error("ResourceNotFoundException")),
        "Kinesis_20131202.DescribeStreamSummary" => match state.status.strip_prefix("error ") {
            Some(code) => (400, error(code)),
            None => (200, summary(state.status)),
        },
        "Kinesis_20131202.PutRecords" => {
            let records = body["Records"].as_array().unwrap();
            state.requests.push(records.len());
            match state.script.pop_front().unwrap_or(Reply::Normal) {
                Reply::Normal => (200, state.put(records, |_| None)),
                Reply::RefuseEvery(nth, code) => {
                    (200, state.put(records, |place| place.is_multiple_of(nth).then_some(code)))
                }
                Reply::Status(status, code) => (status, error(code)),
                Reply::ResetBefore => return Err("reset".into()),
                Reply::ResetAfter => {
                    state.put(records, |_| None);
                    return Err("reset".into());
                }
                Reply::Reshard(shards) => {
                    state.shards = (state.shards.0 + state.shards.1, shards);
                    (200, state.put(records, |_| None))
                }
            }
        }
        other => return Err(format!("{other} is not known here").into()),
    };
    let body = Full::new(Bytes::from(answer.to_string()));
    Ok(Response::builder().status(status).header("content-type", "application/x-amz-json-1.1").body(body)?)
}

fn error(code: &str) -> Value {
    json!({ "__type": code, "message": "said the server" })
}

fn summary(status: &str) -> Value {
    json!({ "StreamDescriptionSummary": {
        "StreamName": STREAM,
        "StreamARN": format!("arn:aws:kinesis:eu-central-1:123456789012:stream/{STREAM}"),
        "StreamStatus": status,
        "RetentionPeriodHours": 24,
        "StreamCreationTimestamp": 1_795_262_400.5,
        "EnhancedMonitoring": [],
        "OpenShardCount": 2,
    }})
}

impl State {
    /// Writes the records that are not refused, in their order.
    fn put(&mut self, records: &[Value], refused: impl Fn(usize) -> Option<&'static str>) -> Value {
        let mut failed = 0;
        let mut answers = Vec::new();
        for (place, record) in records.iter().enumerate() {
            if let Some(code) = refused(place) {
                failed += 1;
                answers.push(json!({ "ErrorCode": code, "ErrorMessage": "said the server" }));
                continue;
            }
            let stored = self.store(record);
            answers.push(json!({ "ShardId": stored.shard, "SequenceNumber": stored.sequence_number }));
        }
        json!({ "FailedRecordCount": failed, "Records": answers })
    }

    fn store(&mut self, record: &Value) -> &Stored {
        let text = |field: &str| record[field].as_str().unwrap().to_owned();
        let key = text("PartitionKey");
        let (first, count) = self.shards;
        let shard = first + key.bytes().map(usize::from).sum::<usize>() % count;
        self.log.push(Stored {
            shard: format!("shardId-{shard:012}"),
            sequence_number: format!("495903382714902566085596925383615710959{:017}", self.log.len()),
            key,
            data: base64_simd::STANDARD.decode_to_vec(text("Data")).unwrap(),
        });
        self.log.last().unwrap()
    }
}
