//! [`Store`]: everything that is said, in SQLite.

use std::{
    path::PathBuf,
    sync::{Mutex, MutexGuard, PoisonError},
};

use rusqlite::{Connection, ErrorCode, OptionalExtension};
use serde::{Deserialize, Serialize};
use weaver::{CallError, Config, Context, Lifecycle, Result, component};

/// Keeps threads, posts and images.
#[component]
pub(crate) trait Store {
    /// The last hundred threads, the newest first.
    #[idempotent]
    async fn threads(&self) -> Result<Vec<Thread>, StoreError>;

    /// Begins a thread, and gives its id.
    async fn new_thread(&self, title: String) -> Result<i64, StoreError>;

    /// The last thousand posts of a thread, the oldest first.
    #[idempotent]
    async fn posts(&self, thread: i64) -> Result<Vec<Post>, StoreError>;

    /// Adds a post, and gives its id.
    async fn post(&self, thread: i64, post: NewPost) -> Result<i64, StoreError>;

    /// An image of a post.
    #[idempotent]
    async fn image(&self, id: i64) -> Result<Vec<u8>, StoreError>;
}

/// A thread.
#[derive(Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Thread {
    pub(crate) id: i64,
    pub(crate) title: String,
    pub(crate) posts: u32,
}

/// A post, as it is read.
#[derive(Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Post {
    pub(crate) author: String,
    pub(crate) text: String,
    /// The id of its image.
    pub(crate) image: Option<i64>,
}

/// A post, as it is written.
#[derive(Debug, Serialize, Deserialize)]
pub(crate) struct NewPost {
    pub(crate) author: String,
    pub(crate) text: String,
    /// A PNG.
    pub(crate) image: Option<Vec<u8>>,
}

/// The store cannot do it.
#[derive(Debug, thiserror::Error, Serialize, Deserialize)]
pub(crate) enum StoreError {
    #[error("there is no such thread")]
    NoThread,
    #[error("there is no such image")]
    NoImage,
    /// What SQLite says. Its own error type does not travel.
    #[error("the database: {0}")]
    Database(String),
    /// The call failed.
    #[error(transparent)]
    Call(#[from] CallError),
}

impl From<rusqlite::Error> for StoreError {
    fn from(error: rusqlite::Error) -> Self {
        Self::Database(error.to_string())
    }
}

/// `[config.Store]`.
#[derive(Debug, Deserialize)]
struct StoreConfig {
    /// The database; it is made if it is not there.
    path: PathBuf,
}

/// What is not there yet of the tables.
const TABLES: &str = "
    CREATE TABLE IF NOT EXISTS threads (id INTEGER PRIMARY KEY, title TEXT NOT NULL);
    CREATE TABLE IF NOT EXISTS images (id INTEGER PRIMARY KEY, png BLOB NOT NULL);
    CREATE TABLE IF NOT EXISTS posts (
        id INTEGER PRIMARY KEY,
        thread INTEGER NOT NULL REFERENCES threads,
        author TEXT NOT NULL,
        text TEXT NOT NULL,
        image INTEGER REFERENCES images
    );
    CREATE INDEX IF NOT EXISTS posts_of_threads ON posts (thread);
";

/// SQLite in this process. A call blocks its thread, for less than a millisecond as a rule; what takes longer
/// belongs into `spawn_blocking`, which a sandbox does not have.
#[derive(weaver::Component)]
struct Sqlite {
    config: Config<StoreConfig>,
    database: Option<Mutex<Connection>>,
}

impl Lifecycle for Sqlite {
    async fn init(&mut self) -> Result<()> {
        let path = &self.config.path;
        let open = || {
            let database = Connection::open(path)?;
            database.execute_batch(TABLES)?;
            Ok::<_, rusqlite::Error>(database)
        };
        let database = open().context(format_args!("cannot open {}", path.display()))?;
        self.database = Some(Mutex::new(database));
        Ok(())
    }
}

impl Sqlite {
    fn database(&self) -> Result<MutexGuard<'_, Connection>, StoreError> {
        let closed = || StoreError::Database("not open".to_owned());
        let database = self.database.as_ref().ok_or_else(closed)?;
        // SQLite takes back what was not committed.
        Ok(database.lock().unwrap_or_else(PoisonError::into_inner))
    }
}

#[component]
impl Store for Sqlite {
    async fn threads(&self) -> Result<Vec<Thread>, StoreError> {
        let database = self.database()?;
        let mut threads = database.prepare(
            "SELECT threads.id, title, count(posts.id) FROM threads \
             LEFT JOIN posts ON thread = threads.id GROUP BY threads.id ORDER BY threads.id DESC LIMIT 100",
        )?;
        let threads = threads.query_map((), |row| {
            Ok(Thread { id: row.get(0)?, title: row.get(1)?, posts: row.get(2)? })
        })?;
        Ok(threads.collect::<Result<_, _>>()?)
    }

    async fn new_thread(&self, title: String) -> Result<i64, StoreError> {
        let database = self.database()?;
        database.execute("INSERT INTO threads (title) VALUES (?1)", [title])?;
        Ok(database.last_insert_rowid())
    }

    async fn posts(&self, thread: i64) -> Result<Vec<Post>, StoreError> {
        let database = self.database()?;
        let known: Option<i64> = database
            .query_row("SELECT id FROM threads WHERE id = ?1", [thread], |row| row.get(0))
            .optional()?;
        known.ok_or(StoreError::NoThread)?;
        let mut posts = database.prepare(
            "SELECT author, text, image FROM \
             (SELECT * FROM posts WHERE thread = ?1 ORDER BY id DESC LIMIT 1000) ORDER BY id",
        )?;
        let posts = posts.query_map([thread], |row| {
            Ok(Post { author: row.get(0)?, text: row.get(1)?, image: row.get(2)? })
        })?;
        Ok(posts.collect::<Result<_, _>>()?)
    }

    async fn post(&self, thread: i64, post: NewPost) -> Result<i64, StoreError> {
        let mut database = self.database()?;
        let writing = database.transaction()?;
        let image = match post.image {
            Some(png) => {
                writing.execute("INSERT INTO images (png) VALUES (?1)", [png])?;
                Some(writing.last_insert_rowid())
            }
            None => None,
        };
        let written = writing.execute(
            "INSERT INTO posts (thread, author, text, image) VALUES (?1, ?2, ?3, ?4)",
            (thread, post.author, post.text, image),
        );
        match written {
            Err(error) if error.sqlite_error_code() == Some(ErrorCode::ConstraintViolation) => {
                return Err(StoreError::NoThread);
            }
            written => written?,
        };
        let id = writing.last_insert_rowid();
        writing.commit()?;
        Ok(id)
    }

    async fn image(&self, id: i64) -> Result<Vec<u8>, StoreError> {
        let database = self.database()?;
        let png =
            database.query_row("SELECT png FROM images WHERE id = ?1", [id], |row| row.get(0));
        png.optional()?.ok_or(StoreError::NoImage)
    }
}

#[cfg(test)]
mod tests {
    use std::{error::Error, path::Path};

    use weaver::{App, ConfigFile, LocalCalls, Ref};

    use super::*;

    /// What is sent is encoded, as it is between processes.
    async fn store() -> Result<(App, Ref<dyn Store>), Box<dyn Error>> {
        let config = "[config.Store]\npath = \":memory:\"";
        let config = ConfigFile::parse(Path::new("weaver.toml"), config)?;
        let app = App::builder().config(config).local_calls(LocalCalls::Encoded).start().await?;
        let store = app.get().await?;
        Ok((app, store))
    }

    fn post(text: &str, image: Option<Vec<u8>>) -> NewPost {
        NewPost { author: "ada".to_owned(), text: text.to_owned(), image }
    }

    #[tokio::test]
    async fn what_is_said_can_be_read() -> Result<(), Box<dyn Error>> {
        let (_app, store) = store().await?;
        let thread = store.new_thread("tea".to_owned()).await?;
        let other = store.new_thread("cake".to_owned()).await?;
        store.post(thread, post("first", None)).await?;
        store.post(thread, post("second", Some(vec![1, 2, 3]))).await?;
        let posts = store.posts(thread).await?;
        let texts: Vec<_> = posts.iter().map(|post| post.text.as_str()).collect();
        assert_eq!(texts, ["first", "second"]);
        assert_eq!(store.image(posts[1].image.expect("it has one")).await?, [1, 2, 3]);
        assert!(store.posts(other).await?.is_empty());
        let counts: Vec<_> =
            store.threads().await?.into_iter().map(|it| (it.id, it.posts)).collect();
        assert_eq!(counts, [(other, 0), (thread, 2)]);
        Ok(())
    }

    #[tokio::test]
    async fn what_is_not_there_is_an_error_and_leaves_nothing() -> Result<(), Box<dyn Error>> {
        let (_app, store) = store().await?;
        let none = store.post(7, post("lost", Some(vec![1]))).await;
        assert!(matches!(none, Err(StoreError::NoThread)), "{none:?}");
        assert!(matches!(store.posts(7).await, Err(StoreError::NoThread)));
        assert!(matches!(store.image(1).await, Err(StoreError::NoImage)));
        Ok(())
    }
}
