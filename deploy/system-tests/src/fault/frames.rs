//! Counts a broker's deliveries by parsing its output: frames of AMQP 0-9-1.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

/// Type, channel and size of a frame.
const HEADER: usize = 7;
const METHOD: u8 = 1;
/// The class and the method of `basic.deliver`.
const DELIVER: [u8; 4] = [0, 60, 0, 60];

/// Deliveries over all connections; clones share one count.
#[derive(Debug, Clone, Default)]
pub(crate) struct Deliveries(Arc<AtomicU64>);

impl Deliveries {
    pub(crate) fn count(&self) -> u64 {
        self.0.load(Ordering::Relaxed)
    }

    /// For one connection, from its first byte on.
    pub(crate) fn listen(&self) -> Frames {
        Frames { deliveries: self.clone(), head: Vec::with_capacity(HEADER + DELIVER.len()), left: 0 }
    }
}

/// The parser of one connection's frames.
pub(crate) struct Frames {
    deliveries: Deliveries,
    /// The beginning of the current frame: its header, and the four bytes that name its method.
    head: Vec<u8>,
    /// Bytes of the current frame that are still to come.
    left: usize,
}

impl Frames {
    pub(crate) fn feed(&mut self, mut bytes: &[u8]) {
        while let [first, rest @ ..] = bytes {
            if self.left > 0 && self.head.len() >= HEADER + DELIVER.len() {
                let skipped = self.left.min(bytes.len());
                self.left -= skipped;
                bytes = bytes.get(skipped..).unwrap_or_default();
            } else {
                self.take(*first);
                bytes = rest;
            }
            if self.left == 0 && self.head.len() >= HEADER {
                self.head.clear();
            }
        }
    }

    fn take(&mut self, byte: u8) {
        self.head.push(byte);
        match *self.head.as_slice() {
            // The payload, and the byte that ends a frame.
            [_, _, _, a, b, c, d] => {
                let size = u32::from_be_bytes([a, b, c, d]);
                self.left = usize::try_from(size).unwrap_or(usize::MAX).saturating_add(1);
            }
            [kind, _, _, _, _, _, _, ref method @ ..] => {
                self.left -= 1;
                if kind == METHOD && *method == DELIVER {
                    self.deliveries.0.fetch_add(1, Ordering::Relaxed);
                }
            }
            _ => {}
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn frame(kind: u8, payload: &[u8]) -> Vec<u8> {
        let size = u32::try_from(payload.len()).unwrap().to_be_bytes();
        [&[kind, 0, 1][..], &size, payload, &[0xCE]].concat()
    }

    #[test]
    fn deliveries_are_counted_however_the_bytes_come_in_pieces() {
        let deliver = [&DELIVER[..], b"tag and more"].concat();
        let wire = [
            frame(METHOD, &[0, 10, 0, 10, 1, 2, 3]),
            frame(METHOD, &deliver),
            frame(2, &DELIVER),
            frame(3, &[&DELIVER[..]; 50].concat()),
            frame(8, &[]),
            frame(METHOD, &DELIVER),
            frame(METHOD, &[0, 60, 0, 80]),
        ]
        .concat();
        for piece in 1..40 {
            let deliveries = Deliveries::default();
            let mut frames = deliveries.listen();
            wire.chunks(piece).for_each(|chunk| frames.feed(chunk));
            assert_eq!(deliveries.count(), 2, "in pieces of {piece}");
        }
    }
}
