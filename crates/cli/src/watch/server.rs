//! The server of the page: the page itself, the newest view once, and each newest view as a server-sent event.
//!
//! It only reads, and only for pages that it served itself: it answers no request that names another host (a name that
//! somebody made point here), and says nothing that lets a page of another origin read its answers.

use std::convert::Infallible;
use std::net::IpAddr;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use futures::stream;
use http_body_util::combinators::BoxBody;
use http_body_util::{BodyExt, Full, StreamBody};
use hyper::body::{Frame, Incoming};
use hyper::header::{ALLOW, CACHE_CONTROL, CONTENT_SECURITY_POLICY, CONTENT_TYPE, HOST, HeaderValue};
use hyper::service::service_fn;
use hyper::{Method, Request, Response, StatusCode};
use hyper_util::rt::TokioIo;
use tokio::net::TcpListener;
use tokio::sync::Semaphore;
use tokio::sync::watch::{Receiver, Sender};
use tokio::task::JoinSet;

/// The newest view as JSON; `None` before the first look.
pub(super) type Published = Option<Arc<str>>;

type Answer = Response<BoxBody<Bytes, Infallible>>;

const PAGE: &str = include_str!("page.html");

/// The page brings everything itself, and asks nobody but its server.
const POLICY: &str = "default-src 'none'; script-src 'unsafe-inline'; style-src 'unsafe-inline'; img-src data:; \
                      connect-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'";

/// Pages that are open at once. What comes beyond waits.
const CONNECTIONS: usize = 64;

/// A page that is gone is found out by writing to it.
const KEEP_ALIVE: Duration = Duration::from_secs(15);

/// After a connection that could not be accepted.
const ACCEPT_AGAIN: Duration = Duration::from_millis(100);

/// Serves until it is dropped.
pub(super) async fn serve(listener: TcpListener, views: Sender<Published>) {
    let free = Arc::new(Semaphore::new(CONNECTIONS));
    let mut connections = JoinSet::new();
    loop {
        let Ok(permit) = Arc::clone(&free).acquire_owned().await else { return };
        let Ok((stream, _)) = listener.accept().await else {
            // The machine is short of something, or the browser has gone already.
            tokio::time::sleep(ACCEPT_AGAIN).await;
            continue;
        };
        let views = views.clone();
        connections.spawn(async move {
            let service = service_fn(move |request| {
                let views = views.clone();
                async move { Ok::<_, Infallible>(answer(&request, &views).await) }
            });
            // A browser may go away at any time.
            let _ = hyper::server::conn::http1::Builder::new().serve_connection(TokioIo::new(stream), service).await;
            drop(permit);
        });
        while connections.try_join_next().is_some() {}
    }
}

/// Returns when a page is open.
pub(super) async fn somebody_watches(views: &Sender<Published>) {
    let mut poll = tokio::time::interval(Duration::from_millis(100));
    while views.receiver_count() == 0 {
        poll.tick().await;
    }
}

async fn answer(request: &Request<Incoming>, views: &Sender<Published>) -> Answer {
    if !is_for_us(request.headers().get(HOST)) {
        return text(StatusCode::MISDIRECTED_REQUEST, "open the page by an IP address, or as localhost\n");
    }
    if request.method() != Method::GET {
        let mut answer = text(StatusCode::METHOD_NOT_ALLOWED, "the page is only read: GET\n");
        answer.headers_mut().insert(ALLOW, HeaderValue::from_static("GET"));
        return answer;
    }
    match request.uri().path() {
        "/" => {
            let mut page = whole(StatusCode::OK, "text/html; charset=utf-8", PAGE);
            page.headers_mut().insert(CONTENT_SECURITY_POLICY, HeaderValue::from_static(POLICY));
            page
        }
        "/state" => match next(&mut views.subscribe()).await {
            Some(view) => whole(StatusCode::OK, "application/json", view.to_string()),
            None => text(StatusCode::SERVICE_UNAVAILABLE, "the page is about to end\n"),
        },
        "/events" => with_type(StatusCode::OK, "text/event-stream", events(views)),
        _ => text(StatusCode::NOT_FOUND, "there is the page at /, its events at /events, and its data at /state\n"),
    }
}

/// A name that an attacker makes point to this machine is no IP address; this machine's own name is `localhost`.
fn is_for_us(host: Option<&HeaderValue>) -> bool {
    let Some(host) = host.and_then(|host| host.to_str().ok()) else { return false };
    let name = match host.strip_prefix('[') {
        Some(rest) => rest.split_once(']').map_or("", |(address, _)| address),
        None => host.split_once(':').map_or(host, |(name, _)| name),
    };
    name.eq_ignore_ascii_case("localhost") || name.parse::<IpAddr>().is_ok()
}

/// The newest view, each time there is a newer one: those in between are never sent.
fn events(views: &Sender<Published>) -> BoxBody<Bytes, Infallible> {
    let mut receiver = views.subscribe();
    // What is known already is shown at once.
    receiver.mark_changed();
    let frames = stream::unfold(receiver, |mut receiver| async {
        let event = match tokio::time::timeout(KEEP_ALIVE, next(&mut receiver)).await {
            Ok(Some(view)) => format!("data: {view}\n\n"),
            Ok(None) => return None,
            Err(_) => ": still here\n\n".to_owned(),
        };
        Some((Ok(Frame::data(Bytes::from(event))), receiver))
    });
    BodyExt::boxed(StreamBody::new(frames))
}

/// The next view; `None` if there will be no more.
async fn next(views: &mut Receiver<Published>) -> Published {
    loop {
        views.changed().await.ok()?;
        let view = views.borrow_and_update().clone();
        if view.is_some() {
            return view;
        }
    }
}

fn text(status: StatusCode, message: &'static str) -> Answer {
    whole(status, "text/plain; charset=utf-8", message)
}

fn whole(status: StatusCode, kind: &'static str, body: impl Into<Bytes>) -> Answer {
    with_type(status, kind, BodyExt::boxed(Full::new(body.into())))
}

fn with_type(status: StatusCode, kind: &'static str, body: BoxBody<Bytes, Infallible>) -> Answer {
    let mut answer = Response::new(body);
    *answer.status_mut() = status;
    let headers = answer.headers_mut();
    headers.insert(CONTENT_TYPE, HeaderValue::from_static(kind));
    headers.insert(CACHE_CONTROL, HeaderValue::from_static("no-store"));
    headers.insert("x-content-type-options", HeaderValue::from_static("nosniff"));
    headers.insert("referrer-policy", HeaderValue::from_static("no-referrer"));
    answer
}

#[cfg(test)]
mod tests;
