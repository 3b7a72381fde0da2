//! Rings with fewer points. Borders are cut where three areas or coast meet, and each piece between two cuts is made simple on its own, in
//! one direction: so the two municipalities that share it get the same points, and no gap opens between them.

use std::collections::{BTreeMap, BTreeSet};

/// A point of the grid.
pub(super) type Point = (i64, i64);

/// Makes all rings simple, together. A ring is not closed: its last point is not its first.
pub(super) fn simplify(rings: &mut [Vec<Point>], tolerance: f64) {
    let mut neighbours: BTreeMap<Point, BTreeSet<Point>> = BTreeMap::new();
    for ring in rings.iter() {
        for (at, point) in ring.iter().enumerate() {
            let next = ring[(at + 1) % ring.len()];
            neighbours.entry(*point).or_default().insert(next);
            neighbours.entry(next).or_default().insert(*point);
        }
    }
    let is_cut = |point: &Point| neighbours.get(point).is_some_and(|near| near.len() != 2);
    for ring in rings.iter_mut().filter(|ring| ring.len() > 3) {
        *ring = simple_ring(ring, &is_cut, tolerance);
    }
}

fn simple_ring(ring: &[Point], is_cut: &dyn Fn(&Point) -> bool, tolerance: f64) -> Vec<Point> {
    let mut cuts: Vec<usize> = (0..ring.len()).filter(|at| is_cut(&ring[*at])).collect();
    if cuts.len() < 2 {
        // An island, or an area within one other: cut at its first and the point furthest from it.
        let first = cuts
            .first()
            .copied()
            .or_else(|| (0..ring.len()).min_by_key(|at| ring[*at]))
            .unwrap_or_default();
        let far = (0..ring.len())
            .max_by_key(|at| (square(ring[first], ring[*at]), ring[*at]))
            .unwrap_or_default();
        cuts = vec![first.min(far), first.max(far)];
    }
    let mut whole = Vec::new();
    for (at, from) in cuts.iter().enumerate() {
        let to = cuts[(at + 1) % cuts.len()];
        let length = (to + ring.len() - from) % ring.len();
        let piece: Vec<Point> = (0..=length).map(|step| ring[(from + step) % ring.len()]).collect();
        let simple = simple_piece(piece, tolerance);
        whole.extend_from_slice(&simple[..simple.len() - 1]);
    }
    whole
}

fn square(a: Point, b: Point) -> i64 {
    (a.0 - b.0).pow(2) + (a.1 - b.1).pow(2)
}

fn simple_piece(mut piece: Vec<Point>, tolerance: f64) -> Vec<Point> {
    let reversed: Vec<Point> = piece.iter().rev().copied().collect();
    let is_turned = reversed < piece;
    if is_turned {
        piece = reversed;
    }
    let mut keep = vec![false; piece.len()];
    let last = piece.len() - 1;
    (keep[0], keep[last]) = (true, true);
    let mut open = vec![(0, last)];
    while let Some((from, to)) = open.pop() {
        let furthest = (from + 1..to).map(|at| (distance(piece[at], piece[from], piece[to]), at));
        let Some((far, at)) = furthest.max_by(|a, b| a.0.total_cmp(&b.0)) else {
            continue;
        };
        if far > tolerance {
            keep[at] = true;
            open.extend([(from, at), (at, to)]);
        }
    }
    let mut simple: Vec<Point> = piece
        .into_iter()
        .zip(keep)
        .filter_map(|(point, keep)| keep.then_some(point))
        .collect();
    if is_turned {
        simple.reverse();
    }
    simple
}

fn distance(point: Point, from: Point, to: Point) -> f64 {
    let span = square(from, to) as f64;
    if span == 0.0 {
        return (square(point, from) as f64).sqrt();
    }
    let cross = (to.0 - from.0) * (from.1 - point.1) - (from.0 - point.0) * (to.1 - from.1);
    cross.abs() as f64 / span.sqrt()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn two_areas_keep_their_shared_border_alike() {
        let border = [(10, 0), (11, 3), (10, 6), (12, 9), (10, 12)];
        let mut left = vec![(0, 12), (0, 0)];
        left.extend(border);
        let mut right: Vec<Point> = border.iter().rev().copied().collect();
        right.extend([(20, 0), (20, 12)]);
        let mut rings = [left, right];
        simplify(&mut rings, 1.5);
        let shared = |ring: &[Point]| {
            ring.iter()
                .filter(|point| border.contains(point))
                .copied()
                .collect::<BTreeSet<_>>()
        };
        assert_eq!(shared(&rings[0]), shared(&rings[1]));
        assert!(
            shared(&rings[0]).len() < border.len(),
            "nothing was made simple: {rings:?}"
        );
    }
}
