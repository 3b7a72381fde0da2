use std::{
    collections::HashMap,
    sync::{Arc, Mutex, PoisonError},
};

use super::{Shape, sound};

/// Bytes of WKB whose shapes are kept at most; a shape takes about as much again.
const MOST_BYTES: usize = 32 << 20;

/// Shapes by their WKB, and the bytes of all WKB among them.
type Shapes = (HashMap<Box<[u8]>, Arc<Shape>>, usize);

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
