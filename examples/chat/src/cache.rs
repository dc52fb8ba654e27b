//! [`ImageCache`]: images that were asked for lately, in the process that is asked for them.

use std::{
    collections::VecDeque,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

use weaver::{Ref, component};

use crate::store::{Store, StoreError};

/// Gives the images of posts, of which it keeps some.
#[component]
pub(crate) trait ImageCache {
    /// An image of a post.
    #[idempotent]
    async fn image(&self, id: i64) -> Result<Vec<u8>, StoreError>;
}

/// What the kept images may take.
const KEPT_BYTES_MAX: usize = 16 << 20;

#[derive(weaver::Component)]
struct Recent {
    store: Ref<dyn Store>,
    kept: Mutex<Kept>,
}

/// Images, the oldest first. One never changes while its database is there, so that none need be looked after.
#[derive(Default)]
struct Kept {
    images: VecDeque<(i64, Arc<[u8]>)>,
    bytes: usize,
}

impl Recent {
    fn kept(&self) -> MutexGuard<'_, Kept> {
        // Nothing panics while it holds the lock.
        self.kept.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Kept {
    fn get(&self, id: i64) -> Option<Arc<[u8]>> {
        self.images.iter().find(|(kept, _)| *kept == id).map(|(_, png)| Arc::clone(png))
    }

    fn put(&mut self, id: i64, png: &[u8]) {
        if self.get(id).is_some() {
            return;
        }
        self.bytes += png.len();
        self.images.push_back((id, png.into()));
        while self.bytes > KEPT_BYTES_MAX
            && let Some((_, oldest)) = self.images.pop_front()
        {
            self.bytes -= oldest.len();
        }
    }
}

#[component]
impl ImageCache for Recent {
    async fn image(&self, id: i64) -> Result<Vec<u8>, StoreError> {
        if let Some(png) = self.kept().get(id) {
            return Ok(png.to_vec());
        }
        let png = self.store.image(id).await?;
        self.kept().put(id, &png);
        Ok(png)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_oldest_make_room() {
        let mut kept = Kept::default();
        for id in 0..5 {
            kept.put(id, &vec![0; KEPT_BYTES_MAX / 3]);
            kept.put(id, &vec![0; KEPT_BYTES_MAX / 3]);
        }
        assert_eq!((0..5).filter(|id| kept.get(*id).is_some()).collect::<Vec<_>>(), [2, 3, 4]);
        kept.put(5, &vec![0; KEPT_BYTES_MAX + 1]);
        assert!(kept.images.is_empty() && kept.bytes == 0);
    }
}
