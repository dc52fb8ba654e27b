//! [`trace_requests`]: HTTP requests as parts of traces.

use axum::{extract::Request, http::HeaderMap, middleware::Next, response::Response};
use tracing::Instrument;

use crate::{
    context::{CALL_TARGET, TraceContext},
    with_trace,
};

/// A layer for an axum router: each request is part of the trace that its header `traceparent` names, or begins
/// one, and so are all calls that its handler makes. A header that cannot be read, or is there twice, is as none.
///
/// Where a `tracing` subscriber wants it, the handler runs in a span `request` with `method` and `path`, inside the
/// one of [`with_trace`].
///
/// ```
/// use axum::{Router, middleware::from_fn, routing::get};
///
/// let router: Router = Router::new()
///     .route("/", get(async || "hello"))
///     .layer(from_fn(weaver_runtime::trace_requests));
/// ```
pub async fn trace_requests(request: Request, next: Next) -> Response {
    // By the standard, what cannot be understood is as nothing.
    let trace = trace_of(request.headers()).unwrap_or_else(TraceContext::new);
    let handled = async move {
        let (method, path) = (request.method(), request.uri().path());
        let span = tracing::info_span!(target: CALL_TARGET, "request", %method, path);
        next.run(request).instrument(span).await
    };
    with_trace(trace, handled).await
}

/// What the only header of its name says. Of several, none can be told to be the right one.
fn trace_of(headers: &HeaderMap) -> Option<TraceContext> {
    let mut values = headers.get_all("traceparent").iter();
    let (value, None) = (values.next()?, values.next()) else { return None };
    value.to_str().ok()?.parse().ok()
}

#[cfg(test)]
mod tests {
    use axum::{Router, body::Body, http::StatusCode, middleware::from_fn, routing::get};
    use tower_service::Service;
    use tracing_subscriber::util::SubscriberInitExt;

    use super::*;
    use crate::logs::Written;

    const HEADER: &str = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01";
    const TRACE_ID: &str = "0af7651916cd43dd8448eb211c80319c";

    /// Asks a router for the trace in which its handler runs.
    async fn handled_in(headers: &[&'static str]) -> String {
        let handler = async || {
            tracing::info!("handling");
            TraceContext::current().map_or_else(String::new, |trace| trace.trace_id().to_string())
        };
        let mut router: Router =
            Router::new().route("/", get(handler)).layer(from_fn(trace_requests));
        let request = headers
            .iter()
            .fold(Request::builder(), |request, header| request.header("traceparent", *header));
        let response = router.call(request.body(Body::empty()).unwrap()).await.unwrap();
        assert_eq!(response.status(), StatusCode::OK);
        let body = axum::body::to_bytes(response.into_body(), 64).await.unwrap();
        String::from_utf8(body.to_vec()).unwrap()
    }

    #[tokio::test]
    async fn the_header_is_the_trace_of_its_request() {
        assert_eq!(handled_in(&[HEADER]).await, TRACE_ID);
    }

    #[tokio::test]
    async fn what_is_no_header_is_as_none() {
        for headers in [&[][..], &["nonsense"], &["\u{fc}"], &[HEADER, HEADER]] {
            let trace_id = handled_in(headers).await;
            assert!(trace_id.len() == 32 && trace_id != TRACE_ID, "{headers:?}: {trace_id}");
        }
        assert_ne!(handled_in(&[]).await, handled_in(&[]).await, "each is another one");
    }

    /// What the handler logs is inside a span that says the trace and whose part it is.
    #[tokio::test]
    async fn the_spans_say_the_trace() {
        let written = Written::default();
        let _guard = written.subscriber().set_default();
        handled_in(&[HEADER]).await;
        let text = written.text();
        let spans = format!(
            "trace{{trace_id={TRACE_ID} parent_id=b7ad6b7169203331}}:request{{method=GET path=\"/\"}}: "
        );
        assert!(text.contains(&spans) && text.contains("handling"), "{text}");
    }
}
