//! A small S3 on 127.0.0.1 that can be told to answer otherwise: as much of the protocol as a lake uses.
//!
//! Included by the tests of the whole, too, which give it to real processes.

#![allow(dead_code, reason = "not every test needs all of it")]

use std::collections::{BTreeMap, VecDeque};
use std::convert::Infallible;
use std::fmt::Write;
use std::io;
use std::net::SocketAddr;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};

use bytes::Bytes;
use http_body_util::{BodyExt, Full, StreamBody, combinators::BoxBody};
use hyper::body::{Frame, Incoming};
use hyper::header::{AUTHORIZATION, CONTENT_LENGTH, CONTENT_RANGE, CONTENT_TYPE, IF_NONE_MATCH, RANGE};
use hyper::service::service_fn;
use hyper::{Method, Request, Response, StatusCode};
use hyper_util::rt::TokioIo;
use tokio::net::TcpListener;

pub(crate) const BUCKET: &str = "lake-bucket";
/// When every object was last modified: 2026-11-21T11:22:33.5Z, in epoch microseconds.
pub(crate) const MODIFIED: i64 = 1_795_260_153_500_000;
const MODIFIED_TEXT: &str = "2026-11-21T11:22:33.500Z";

type Body = BoxBody<Bytes, io::Error>;

/// What a request gets instead of the answer that it would have got.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Reply {
    /// The answer that it would have got.
    Normal,
    /// This status and error code, without an effect.
    Status(u16, &'static str),
    /// A status that comes without an error document.
    Bare(u16),
    /// This status and error code, and the region in which the bucket is.
    Elsewhere(u16, &'static str, &'static str),
    /// This text, as from another service.
    Text(&'static str),
    /// The connection is reset without an effect.
    ResetBefore,
    /// The connection is reset after the effect.
    ResetAfter,
    /// The effect, but no answer as long as the client waits.
    Silence,
    /// The answer's status and headers, and only half of its body.
    HalfBody,
    /// All of the object, as from a store that does not know ranges.
    NoRanges,
}

/// The server; it ends with the runtime that started it.
#[derive(Debug)]
pub(crate) struct Server {
    address: SocketAddr,
    state: Arc<State>,
}

#[derive(Debug)]
struct State {
    objects: Mutex<BTreeMap<String, Bytes>>,
    script: Mutex<VecDeque<Reply>>,
    requests: Mutex<Vec<String>>,
    signers: Mutex<Vec<String>>,
    longest_page: AtomicUsize,
    overwrites: AtomicBool,
}

impl Server {
    pub(crate) async fn start() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let state = Arc::new(State {
            objects: Mutex::default(),
            script: Mutex::default(),
            requests: Mutex::default(),
            signers: Mutex::default(),
            longest_page: AtomicUsize::new(1000),
            overwrites: AtomicBool::default(),
        });
        let server = Self { address, state: Arc::clone(&state) };
        tokio::spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                // A connection that is dropped in the middle is reset and not closed in good order.
                stream.set_zero_linger().unwrap();
                let state = Arc::clone(&state);
                let answer = service_fn(move |request| respond(Arc::clone(&state), request));
                let connection =
                    hyper::server::conn::http1::Builder::new().serve_connection(TokioIo::new(stream), answer);
                tokio::spawn(async move { drop(connection.await) });
            }
        });
        server
    }

    pub(crate) fn url(&self) -> String {
        format!("http://{}", self.address)
    }

    /// Answers the next requests like this, and those after them normally.
    pub(crate) fn script(&self, replies: impl IntoIterator<Item = Reply>) {
        self.state.script.lock().unwrap().extend(replies);
    }

    /// Gives at most so many entries in a page of a list, whatever the client asks for.
    pub(crate) fn limit_pages(&self, entries: usize) {
        self.state.longest_page.store(entries, Ordering::Relaxed);
    }

    /// From now on ignores `If-None-Match`.
    pub(crate) fn overwrite(&self) {
        self.state.overwrites.store(true, Ordering::Relaxed);
    }

    /// The objects' full keys.
    pub(crate) fn keys(&self) -> Vec<String> {
        self.state.objects.lock().unwrap().keys().cloned().collect()
    }

    pub(crate) fn insert(&self, key: &str, bytes: &'static str) {
        self.state.objects.lock().unwrap().insert(key.to_owned(), bytes.into());
    }

    /// Method and path of each request so far, with the query and the headers that matter to a lake.
    pub(crate) fn requests(&self) -> Vec<String> {
        self.state.requests.lock().unwrap().clone()
    }

    /// Who signed each request so far, and for which region: `KEY/REGION`, and what the session's token is, if there is one.
    pub(crate) fn signers(&self) -> Vec<String> {
        self.state.signers.lock().unwrap().clone()
    }
}

async fn respond(state: Arc<State>, request: Request<Incoming>) -> Result<Response<Body>, io::Error> {
    let (head, body) = request.into_parts();
    // All of it first, so that a reset is not taken for a request that was never read.
    let body = body.collect().await.map_err(io::Error::other)?.to_bytes();
    let request = Request::from_parts(head, body);
    state.requests.lock().unwrap().push(summary(&request));
    state.signers.lock().unwrap().push(signer(&request));
    let reply = state.script.lock().unwrap().pop_front().unwrap_or(Reply::Normal);
    match reply {
        Reply::Normal => Ok(state.answer(&request, true)),
        Reply::NoRanges => Ok(state.answer(&request, false)),
        Reply::Status(status, code) => Ok(error(status, code)),
        Reply::Bare(status) => Ok(document(status, String::new())),
        Reply::Elsewhere(status, code, region) => {
            let mut response = error(status, code);
            response.headers_mut().insert("x-amz-bucket-region", region.parse().unwrap());
            Ok(response)
        }
        Reply::Text(text) => Ok(document(200, text.to_owned())),
        Reply::ResetBefore => Err(io::ErrorKind::ConnectionReset.into()),
        Reply::ResetAfter => {
            state.answer(&request, true);
            Err(io::ErrorKind::ConnectionReset.into())
        }
        Reply::Silence => {
            state.answer(&request, true);
            std::future::pending().await
        }
        Reply::HalfBody => Ok(half(state.answer(&request, true)).await),
    }
}

fn summary(request: &Request<Bytes>) -> String {
    let mut summary = format!("{} {}", request.method(), request.uri());
    for header in [IF_NONE_MATCH, RANGE] {
        if let Some(value) = request.headers().get(&header) {
            write!(summary, " {header}: {}", value.to_str().unwrap()).unwrap();
        }
    }
    summary
}

/// From the header `AWS4-HMAC-SHA256 Credential=KEY/20261121/REGION/s3/aws4_request, SignedHeaders=...`.
fn signer(request: &Request<Bytes>) -> String {
    let header = |name: &str| request.headers().get(name).and_then(|value| value.to_str().ok()).unwrap_or_default();
    let scope = header(AUTHORIZATION.as_str()).split(['=', ',']).nth(1).unwrap_or_default();
    let parts: Vec<&str> = scope.split('/').collect();
    let (key, region) = (parts.first().unwrap_or(&""), parts.get(2).unwrap_or(&""));
    format!("{key}/{region} {}", header("x-amz-security-token")).trim_end().to_owned()
}

impl State {
    fn answer(&self, request: &Request<Bytes>, knows_ranges: bool) -> Response<Body> {
        let path = decode(request.uri().path().trim_start_matches('/'));
        let (bucket, key) = path.split_once('/').unwrap_or((&path, ""));
        if bucket != BUCKET {
            return error(404, "NoSuchBucket");
        }
        let header = |name| request.headers().get(name).and_then(|value| value.to_str().ok());
        match *request.method() {
            Method::PUT => self.put(key, header(IF_NONE_MATCH), request.body().clone()),
            Method::GET if key.is_empty() => self.list(request.uri().query().unwrap_or_default()),
            Method::GET => self.get(key, header(RANGE).filter(|_| knows_ranges)),
            Method::DELETE => {
                self.objects.lock().unwrap().remove(key);
                document(204, String::new())
            }
            _ => error(501, "NotImplemented"),
        }
    }

    fn put(&self, key: &str, if_none_match: Option<&str>, bytes: Bytes) -> Response<Body> {
        let mut objects = self.objects.lock().unwrap();
        let keeps = if_none_match == Some("*") && !self.overwrites.load(Ordering::Relaxed);
        if keeps && objects.contains_key(key) {
            return error(412, "PreconditionFailed");
        }
        objects.insert(key.to_owned(), bytes);
        document(200, String::new())
    }

    fn get(&self, key: &str, range: Option<&str>) -> Response<Body> {
        let Some(object) = self.objects.lock().unwrap().get(key).cloned() else {
            return error(404, "NoSuchKey");
        };
        let size = object.len();
        let Some((first, last)) = range.and_then(|range| range.strip_prefix("bytes=")?.split_once('-')) else {
            return Response::new(full(object));
        };
        let (start, end) = match (first.parse::<usize>(), last.parse::<u64>()) {
            (Err(_), Ok(suffix)) => (size.saturating_sub(usize::try_from(suffix).unwrap_or(size)), size),
            (Ok(first), last) => {
                (first, last.map_or(size, |last| size.min(usize::try_from(last).unwrap_or(size).saturating_add(1))))
            }
            (Err(_), Err(_)) => return error(400, "InvalidArgument"),
        };
        if end <= start || (first.is_empty() && last == "0") {
            let mut response = error(416, "InvalidRange");
            response.headers_mut().insert(CONTENT_RANGE, format!("bytes */{size}").parse().unwrap());
            return response;
        }
        let mut response = Response::new(full(object.slice(start..end)));
        *response.status_mut() = StatusCode::PARTIAL_CONTENT;
        response.headers_mut().insert(CONTENT_RANGE, format!("bytes {start}-{}/{size}", end - 1).parse().unwrap());
        response
    }

    fn list(&self, query: &str) -> Response<Body> {
        let parameters: BTreeMap<String, String> = query
            .split('&')
            .filter_map(|pair| pair.split_once('='))
            .map(|(name, value)| (decode(name), decode(value)))
            .collect();
        let parameter = |name: &str| parameters.get(name).map(String::as_str);
        assert_eq!(parameter("list-type"), Some("2"), "{query}");
        let prefix = parameter("prefix").unwrap_or_default();
        let max_keys = parameter("max-keys").map_or(1000, |max_keys| max_keys.parse().unwrap());
        let limit = self.longest_page.load(Ordering::Relaxed).min(max_keys).min(1000);
        // A continuation goes on behind the last entry of the page before: a key, or a common prefix with all below it.
        let after = parameter("continuation-token").map(|token| token.strip_prefix("after:").unwrap());
        let after = after.or(parameter("start-after")).unwrap_or_default();
        let entries = self.entries(prefix, after, parameter("delimiter"));

        let is_truncated = limit < entries.len();
        let mut xml = format!(
            "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n<ListBucketResult xmlns=\"http://s3.amazonaws.com/doc/2006-03-01/\">\
             <Name>{BUCKET}</Name><Prefix>{}</Prefix><MaxKeys>{max_keys}</MaxKeys><IsTruncated>{is_truncated}</IsTruncated>",
            escape(prefix)
        );
        for entry in &entries[..limit.min(entries.len())] {
            match entry {
                Entry::Object(key, size) => write!(
                    xml,
                    "<Contents><Key>{}</Key><LastModified>{MODIFIED_TEXT}</LastModified><Size>{size}</Size></Contents>",
                    escape(key)
                ),
                Entry::Folder(folder) => {
                    write!(xml, "<CommonPrefixes><Prefix>{}</Prefix></CommonPrefixes>", escape(folder))
                }
            }
            .unwrap();
        }
        if is_truncated {
            let token = format!("after:{}", entries[limit - 1].name());
            write!(xml, "<NextContinuationToken>{}</NextContinuationToken>", escape(&token)).unwrap();
        }
        xml.push_str("</ListBucketResult>");
        document(200, xml)
    }

    /// What a list shows behind `after`, in the order in which it does.
    fn entries(&self, prefix: &str, after: &str, delimiter: Option<&str>) -> Vec<Entry> {
        let mut entries: Vec<Entry> = Vec::new();
        for (key, object) in self.objects.lock().unwrap().iter() {
            let Some(rest) = key.strip_prefix(prefix) else { continue };
            let folder = delimiter.and_then(|delimiter| rest.find(delimiter).map(|at| at + delimiter.len()));
            let entry = match folder {
                Some(end) => Entry::Folder(key[..prefix.len() + end].to_owned()),
                None => Entry::Object(key.clone(), object.len()),
            };
            if after < entry.name() && entries.last().is_none_or(|last| last.name() != entry.name()) {
                entries.push(entry);
            }
        }
        entries
    }
}

enum Entry {
    Object(String, usize),
    Folder(String),
}

impl Entry {
    fn name(&self) -> &str {
        match self {
            Self::Object(name, _) | Self::Folder(name) => name,
        }
    }
}

fn error(status: u16, code: &str) -> Response<Body> {
    document(
        status,
        format!(
            "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n\
             <Error><Code>{code}</Code><Message>as the script says</Message><RequestId>1</RequestId></Error>"
        ),
    )
}

fn document(status: u16, xml: String) -> Response<Body> {
    let mut response = Response::new(full(xml.into()));
    *response.status_mut() = StatusCode::from_u16(status).unwrap();
    response.headers_mut().insert(CONTENT_TYPE, "application/xml".parse().unwrap());
    response
}

fn full(bytes: Bytes) -> Body {
    Full::new(bytes).map_err(|never: Infallible| match never {}).boxed()
}

/// Announces the whole body, sends half of it and breaks off.
async fn half(response: Response<Body>) -> Response<Body> {
    let (mut head, body) = response.into_parts();
    let bytes = body.collect().await.unwrap().to_bytes();
    head.headers.insert(CONTENT_LENGTH, bytes.len().into());
    let frames = [Ok(Frame::data(bytes.slice(..bytes.len() / 2))), Err(io::ErrorKind::ConnectionReset.into())];
    Response::from_parts(head, BodyExt::boxed(StreamBody::new(futures::stream::iter(frames))))
}

fn escape(text: &str) -> String {
    text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;").replace('"', "&quot;").replace('\'', "&apos;")
}

/// Takes the percent-encoding away.
fn decode(text: &str) -> String {
    let mut bytes = Vec::with_capacity(text.len());
    let mut rest = text.as_bytes();
    while let Some((&byte, after)) = rest.split_first() {
        let code = after.get(..2).and_then(|digits| u8::from_str_radix(std::str::from_utf8(digits).ok()?, 16).ok());
        match (byte, code) {
            (b'%', Some(code)) => {
                bytes.push(code);
                rest = &after[2..];
            }
            _ => {
                bytes.push(byte);
                rest = after;
            }
        }
    }
    String::from_utf8(bytes).unwrap()
}
