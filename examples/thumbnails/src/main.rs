//! Thumbnails of images that strangers send. What decodes them runs in a sandbox: see `weaver.toml`.
//!
//! `POST /` with a PNG, JPEG or GIF answers with a PNG of at most 128 pixels each way; `GET /` is a page to try it.

mod page;
mod resizer;

use axum::{
    Router,
    body::Bytes,
    extract::{DefaultBodyLimit, State},
    http::{StatusCode, header},
    middleware::from_fn,
    response::{IntoResponse, Response},
    routing::get,
};
use weaver::{Listener, Ref, Result};

use resizer::{ResizeError, Resizer};

/// Larger uploads are refused before anybody looks at them.
const UPLOAD_BYTES_MAX: usize = 16 << 20;

async fn thumbnail(State(resizer): State<Ref<dyn Resizer>>, image: Bytes) -> Response {
    let bytes = image.len();
    match resizer.thumbnail(image.into()).await {
        Ok(png) => ([(header::CONTENT_TYPE, "image/png")], png).into_response(),
        Err(error) => {
            tracing::warn!(bytes, %error, "no thumbnail");
            failed(&error).into_response()
        }
    }
}

fn failed(error: &ResizeError) -> (StatusCode, String) {
    let status = match error {
        ResizeError::NotAnImage(_) => StatusCode::UNSUPPORTED_MEDIA_TYPE,
        // It was too much for its sandbox, or for this service.
        ResizeError::Call(_) => StatusCode::UNPROCESSABLE_ENTITY,
    };
    (status, format!("{error}\n"))
}

fn router(resizer: Ref<dyn Resizer>) -> Router {
    Router::new()
        .route("/", get(page::upload).post(thumbnail))
        .layer(DefaultBodyLimit::max(UPLOAD_BYTES_MAX))
        .layer(from_fn(weaver::trace_requests))
        .with_state(resizer)
}

#[weaver::main(init = weaver::init_logs)]
async fn main(thumbnails: Listener, resizer: Ref<dyn Resizer>) -> Result<()> {
    axum::serve(thumbnails, router(resizer)).await?;
    Ok(())
}
