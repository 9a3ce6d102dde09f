//! Answers Prometheus.

use std::convert::Infallible;
use std::net::TcpListener as StdListener;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use http_body_util::Full;
use hyper::body::Incoming;
use hyper::header::CONTENT_TYPE;
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper::{Method, Request, Response, StatusCode};
use hyper_util::rt::TokioIo;
use penstock_telemetry::prometheus;
use tokio::net::TcpListener;

use crate::Observed;

/// After a connection that could not be accepted.
const ACCEPT_AGAIN: Duration = Duration::from_millis(100);

/// Answers until the runtime ends.
pub(crate) async fn serve(listener: StdListener, observed: Arc<Observed>) {
    let listener = match TcpListener::from_std(listener) {
        Ok(listener) => listener,
        Err(error) => return tracing::error!("metrics cannot be served: {error}"),
    };
    loop {
        let Ok((stream, _)) = listener.accept().await else {
            // The client has gone already, or the machine is short of something for a while.
            tokio::time::sleep(ACCEPT_AGAIN).await;
            continue;
        };
        let observed = Arc::clone(&observed);
        let answers = service_fn(move |request| {
            let response = answer(&request, &observed);
            async { Ok::<_, Infallible>(response) }
        });
        // A connection that fails fails for its client alone.
        tokio::spawn(http1::Builder::new().serve_connection(TokioIo::new(stream), answers));
    }
}

fn answer(request: &Request<Incoming>, observed: &Observed) -> Response<Full<Bytes>> {
    if request.uri().path() != "/metrics" {
        return text(StatusCode::NOT_FOUND, "text/plain", "the metrics are at /metrics\n".to_owned());
    }
    if !matches!(*request.method(), Method::GET | Method::HEAD) {
        return text(StatusCode::METHOD_NOT_ALLOWED, "text/plain", "ask with GET\n".to_owned());
    }
    observed.measure_the_process();
    let snapshot = observed.registry.snapshot((observed.now)());
    text(StatusCode::OK, prometheus::CONTENT_TYPE, prometheus::text(&snapshot))
}

fn text(status: StatusCode, content_type: &'static str, body: String) -> Response<Full<Bytes>> {
    let mut response = Response::new(Full::new(Bytes::from(body)));
    *response.status_mut() = status;
    response.headers_mut().insert(CONTENT_TYPE, hyper::header::HeaderValue::from_static(content_type));
    response
}
