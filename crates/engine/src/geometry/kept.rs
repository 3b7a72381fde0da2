use std::{
    collections::HashMap,
    sync::{Arc, Mutex, PoisonError},
};

use arrow::array::{ArrayRef, AsArray};

use super::{Shape, sound};

/// Bytes of WKB whose shapes are kept at most; a shape takes about as much again.
const MOST_BYTES: usize = 32 << 20;

/// Shapes by their WKB, and the bytes of all WKB among them.
type Shapes = (HashMap<Box<[u8]>, Arc<Shape>>, usize);

/// Geometries of a column, read and looked at: null, or a shape, or the reason why it cannot be measured.
pub(crate) type OfColumn = Vec<Option<Result<Shape, String>>>;

/// The shapes of the column that was asked for last. A batch is checked and then measured for column after column; the
/// next batch has other geometries, so nothing else is worth its memory.
#[derive(Debug, Default)]
pub(crate) struct LastColumn(Mutex<Option<(ArrayRef, Arc<OfColumn>)>>);

impl LastColumn {
    /// None where the column is none of WKB.
    pub(crate) fn shapes(&self, column: &ArrayRef) -> Option<Arc<OfColumn>> {
        let mut last = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some((known, shapes)) = last.as_ref()
            && std::ptr::addr_eq(Arc::as_ptr(known), Arc::as_ptr(column))
        {
            return Some(shapes.clone());
        }
        // What stands in memory for the column before goes first.
        *last = None;
        let read = column.as_binary_opt::<i32>()?.iter().map(|bytes| bytes.map(sound));
        let shapes = Arc::new(read.collect::<OfColumn>());
        *last = Some((column.clone(), shapes.clone()));
        Some(shapes)
    }
}

/// Shapes of geometries that were seen: an overlay meets the same boundary with every project.
#[derive(Debug, Default)]
pub(crate) struct Kept {
    shapes: Mutex<Shapes>,
}

impl Kept {
    /// The geometry, read and looked at once. The error is the reason why it cannot be measured.
    pub(crate) fn shape(&self, bytes: &[u8]) -> Result<Arc<Shape>, String> {
        if let Some(shape) = self.lock().0.get(bytes) {
            return Ok(shape.clone());
        }
        let shape = Arc::new(sound(bytes)?);
        let mut kept = self.lock();
        kept.1 += bytes.len();
        if kept.1 > MOST_BYTES {
            kept.0.clear();
            kept.1 = bytes.len();
        }
        kept.0.insert(bytes.into(), shape.clone());
        Ok(shape)
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, Shapes> {
        self.shapes.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
