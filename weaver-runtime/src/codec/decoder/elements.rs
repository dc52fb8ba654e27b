//! Values of which the bytes say how many there are: a sequence's, a map's.
//!
//! All are paid for before the first is read: their number is known then, and paying once costs
//! less than paying for each.

use std::fmt;

use serde::de::{DeserializeSeed, Error, MapAccess, SeqAccess, Visitor};

use super::{super::ELEMENT_OVERHEAD_BYTES, Guard};

/// The visitor of a collection: it hands the guard on to the elements.
pub(super) struct Elements<'a, V> {
    inner: V,
    guard: Guard<'a>,
}

impl<'a, V> Elements<'a, V> {
    #[inline]
    pub(super) fn new(inner: V, guard: Guard<'a>) -> Self {
        Self { inner, guard }
    }
}

impl<'de, V> Visitor<'de> for Elements<'_, V>
where
    V: Visitor<'de>,
{
    type Value = V::Value;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.inner.expecting(f)
    }

    #[inline]
    fn visit_seq<A>(self, items: A) -> Result<V::Value, A::Error>
    where
        A: SeqAccess<'de>,
    {
        let len = exact(items.size_hint())?;
        let access = ElementAccess::open(items, self.guard, len)?;
        self.inner.visit_seq(access)
    }

    #[inline]
    fn visit_map<A>(self, entries: A) -> Result<V::Value, A::Error>
    where
        A: MapAccess<'de>,
    {
        let len = exact(entries.size_hint())?;
        let access = ElementAccess::open(entries, self.guard, len)?;
        self.inner.visit_map(access)
    }
}

/// The elements, one after another.
struct ElementAccess<'a, A> {
    inner: A,
    guard: Guard<'a>,
    /// For the element, or for the key of the entry, and for what is beside it.
    elements: Prepaid,
    /// For the value of the entry.
    entry_values: Prepaid,
}

impl<'a, A> ElementAccess<'a, A> {
    /// Refuses at once what could not be paid for even if it had no size.
    #[inline]
    fn open<E: Error>(inner: A, guard: Guard<'a>, len: usize) -> Result<Self, E> {
        let mut elements = Prepaid::default();
        elements.cover(ELEMENT_OVERHEAD_BYTES, len, guard)?;
        Ok(Self { inner, guard, elements, entry_values: Prepaid::default() })
    }
}

impl<'de, A> SeqAccess<'de> for ElementAccess<'_, A>
where
    A: SeqAccess<'de>,
{
    type Error = A::Error;

    #[inline]
    fn next_element_seed<S>(&mut self, seed: S) -> Result<Option<S::Value>, A::Error>
    where
        S: DeserializeSeed<'de>,
    {
        let left = exact(self.inner.size_hint())?;
        let bytes = ELEMENT_OVERHEAD_BYTES + size_of::<S::Value>();
        self.elements.cover(bytes, left, self.guard)?;
        self.inner.next_element_seed(self.guard.seed(seed))
    }

    #[inline]
    fn size_hint(&self) -> Option<usize> {
        let left = self.inner.size_hint()?;
        Some(self.guard.room_for(left))
    }
}

impl<'de, A> MapAccess<'de> for ElementAccess<'_, A>
where
    A: MapAccess<'de>,
{
    type Error = A::Error;

    #[inline]
    fn next_key_seed<S>(&mut self, seed: S) -> Result<Option<S::Value>, A::Error>
    where
        S: DeserializeSeed<'de>,
    {
        let left = exact(self.inner.size_hint())?;
        let bytes = ELEMENT_OVERHEAD_BYTES + size_of::<S::Value>();
        self.elements.cover(bytes, left, self.guard)?;
        self.inner.next_key_seed(self.guard.seed(seed))
    }

    #[inline]
    fn next_value_seed<S>(&mut self, seed: S) -> Result<S::Value, A::Error>
    where
        S: DeserializeSeed<'de>,
    {
        // The entry whose key has been read is no longer among those that are left.
        let left = exact(self.inner.size_hint())?.saturating_add(1);
        self.entry_values.cover(size_of::<S::Value>(), left, self.guard)?;
        self.inner.next_value_seed(self.guard.seed(seed))
    }

    #[inline]
    fn size_hint(&self) -> Option<usize> {
        let left = self.inner.size_hint()?;
        Some(self.guard.room_for(left))
    }
}

/// How many are left. To serde it is a hint; this format always knows.
#[inline]
fn exact<E: Error>(hint: Option<usize>) -> Result<usize, E> {
    hint.ok_or_else(|| E::custom("a collection without a length"))
}

/// What has been paid for each of the elements that are left.
#[derive(Default)]
struct Prepaid {
    bytes: usize,
}

impl Prepaid {
    /// Pays what `bytes` for each is more than has been paid.
    #[inline]
    fn cover<E: Error>(&mut self, bytes: usize, left: usize, guard: Guard<'_>) -> Result<(), E> {
        if bytes > self.bytes {
            guard.spend((bytes - self.bytes).saturating_mul(left))?;
            self.bytes = bytes;
        }
        Ok(())
    }
}
