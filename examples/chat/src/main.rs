//! A chat: threads of posts, with images. Four components behind a web page.
//!
//! [`Store`] keeps everything in SQLite, [`Scaler`] makes the images that people send small, [`ImageCache`] spares the
//! store those that are asked for often, and what is here is the web service in front of them.

mod cache;
mod scaler;
mod store;

use axum::{
    Json, Router,
    body::Bytes,
    extract::{DefaultBodyLimit, Path, Query, State},
    http::{StatusCode, header},
    middleware::from_fn,
    response::{Html, IntoResponse, Response},
    routing::get,
};
use serde::Deserialize;
use weaver::{CallErrorKind, Listener, Ref, Result};

use cache::ImageCache;
use scaler::{ScaleError, Scaler};
use store::{NewPost, Post, Store, StoreError, Thread};

/// Larger images are refused before anybody looks at them.
const IMAGE_BYTES_MAX: usize = 8 << 20;

/// Longer texts are refused; so are empty ones.
const TEXT_BYTES_MAX: usize = 4096;

/// Everything that a request needs.
#[derive(Clone)]
struct Chat {
    store: Ref<dyn Store>,
    images: Ref<dyn ImageCache>,
    scaler: Ref<dyn Scaler>,
}

/// What the browser is told instead.
enum Refused {
    Text,
    Store(StoreError),
    Image(ScaleError),
}

impl From<StoreError> for Refused {
    fn from(error: StoreError) -> Self {
        Self::Store(error)
    }
}

impl From<ScaleError> for Refused {
    fn from(error: ScaleError) -> Self {
        Self::Image(error)
    }
}

impl IntoResponse for Refused {
    fn into_response(self) -> Response {
        let (status, reason) = match self {
            Self::Text => (
                StatusCode::UNPROCESSABLE_ENTITY,
                format!("a text has 1 to {TEXT_BYTES_MAX} bytes"),
            ),
            Self::Store(error @ (StoreError::NoThread | StoreError::NoImage)) => {
                (StatusCode::NOT_FOUND, error.to_string())
            }
            Self::Image(error @ ScaleError::NotAnImage(_)) => {
                (StatusCode::UNSUPPORTED_MEDIA_TYPE, error.to_string())
            }
            Self::Image(ScaleError::Call(error))
                if matches!(error.kind(), CallErrorKind::Trapped { .. }) =>
            {
                tracing::warn!(%error, "an image was too much for its sandbox");
                (StatusCode::UNPROCESSABLE_ENTITY, "the image is too large".to_owned())
            }
            Self::Image(ScaleError::Call(error)) => not_now(&error),
            Self::Store(error) => not_now(&error),
        };
        (status, format!("{reason}\n")).into_response()
    }
}

/// What went wrong is for the log.
fn not_now(error: &dyn std::error::Error) -> (StatusCode, String) {
    tracing::error!(%error, "a call failed");
    (StatusCode::SERVICE_UNAVAILABLE, "not now; please try again".to_owned())
}

/// A text as it is kept.
fn text(text: &str) -> Result<String, Refused> {
    let text = text.trim();
    let fits = (1..=TEXT_BYTES_MAX).contains(&text.len());
    fits.then(|| text.to_owned()).ok_or(Refused::Text)
}

async fn threads(State(chat): State<Chat>) -> Result<Json<Vec<Thread>>, Refused> {
    Ok(Json(chat.store.threads().await?))
}

#[derive(Deserialize)]
struct NewThread {
    title: String,
}

async fn new_thread(
    State(chat): State<Chat>,
    Json(new): Json<NewThread>,
) -> Result<Json<i64>, Refused> {
    Ok(Json(chat.store.new_thread(text(&new.title)?).await?))
}

async fn posts(
    State(chat): State<Chat>,
    Path(thread): Path<i64>,
) -> Result<Json<Vec<Post>>, Refused> {
    Ok(Json(chat.store.posts(thread).await?))
}

#[derive(Deserialize)]
struct Written {
    author: String,
    text: String,
}

/// The body is the image, if there is one.
async fn new_post(
    State(chat): State<Chat>,
    Path(thread): Path<i64>,
    Query(written): Query<Written>,
    image: Bytes,
) -> Result<Json<i64>, Refused> {
    let (author, text) = (text(&written.author)?, text(&written.text)?);
    let image = match image.is_empty() {
        true => None,
        false => Some(chat.scaler.scale(image.into()).await?),
    };
    tracing::info!(thread, image = image.is_some(), "a post");
    Ok(Json(chat.store.post(thread, NewPost { author, text, image }).await?))
}

async fn image(State(chat): State<Chat>, Path(id): Path<i64>) -> Result<Response, Refused> {
    let png = chat.images.image(id).await?;
    let for_an_hour = (header::CACHE_CONTROL, "private, max-age=3600");
    Ok(([(header::CONTENT_TYPE, "image/png"), for_an_hour], png).into_response())
}

fn router(chat: Chat) -> Router {
    Router::new()
        .route("/", get(async || Html(include_str!("page.html"))))
        .route("/threads", get(threads).post(new_thread))
        .route("/threads/{thread}/posts", get(posts).post(new_post))
        .route("/images/{id}", get(image))
        .layer(DefaultBodyLimit::max(IMAGE_BYTES_MAX))
        .layer(from_fn(weaver::trace_requests))
        .with_state(chat)
}

#[weaver::main(init = weaver::init_logs)]
async fn main(
    chat: Listener,
    store: Ref<dyn Store>,
    images: Ref<dyn ImageCache>,
    scaler: Ref<dyn Scaler>,
) -> Result<()> {
    axum::serve(chat, router(Chat { store, images, scaler })).await?;
    Ok(())
}
