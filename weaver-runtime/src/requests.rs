//! [`trace_requests`]: HTTP requests as parts of traces.

use axum::{extract::Request, middleware::Next, response::Response};
use tracing::Instrument;

use crate::{
    context::{CALL_TARGET, TraceContext},
    with_trace,
};

/// A layer for an axum router: each request is part of the trace that its header `traceparent` names, or begins
/// one, and so are all calls that its handler makes.
///
/// Where a `tracing` subscriber wants it, the handler runs in spans with `trace_id`, `method` and `path`.
///
/// ```
/// use axum::{Router, middleware::from_fn, routing::get};
///
/// let router: Router = Router::new()
///     .route("/", get(async || "hello"))
///     .layer(from_fn(weaver_runtime::trace_requests));
/// ```
pub async fn trace_requests(request: Request, next: Next) -> Response {
    let header = request.headers().get("traceparent").and_then(|value| value.to_str().ok());
    // By the standard, what cannot be understood is as nothing.
    let trace = header.and_then(|text| text.parse().ok()).unwrap_or_else(TraceContext::new);
    let (method, path) = (request.method(), request.uri().path());
    let span = tracing::info_span!(target: CALL_TARGET, "request", %method, path);
    with_trace(trace, next.run(request).instrument(span)).await
}
