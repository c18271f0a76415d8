//! Compressed bodies. Ollama decodes zstd under `/v1` and nothing else (`server/zstd.go`);
//! so does the gateway, under caps, and forwards what it has read.

use std::io::Read as _;

use bytes::Bytes;
use ruzstd::decoding::{FrameDecoder, StreamingDecoder};

/// The largest window, in bytes: how far back a frame may refer, and what decoding it keeps
/// in memory. All levels of `zstd` keep to it but those that must be asked for with
/// `--ultra` or `--long`.
const LARGEST_WINDOW: u64 = 8 << 20;

/// The largest factor by which a body may become longer. Text that people and programs write
/// becomes five to twenty times shorter.
const MOST_EXPANSION: usize = 64;
/// The length that any body may reach, however short it is, in bytes.
const FREE_EXPANSION: usize = 1 << 20;
/// The length that is decoded before it is asked whether there is memory for more, in bytes.
const STEP: usize = 256 << 10;

/// A body that is not decoded. The texts are for the caller.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub(crate) enum Undecodable {
    #[error("the decoded body has more than the {0} bytes allowed")]
    TooLarge(usize),
    #[error(
        "the body becomes more than {MOST_EXPANSION} times longer when it is decoded; send it as \
         it is"
    )]
    TooDense,
    #[error("there is no memory for the decoded body now; try again")]
    NoMemory,
    #[error("the body is not zstd with a window of at most 8 MiB; send that, or the body as it is")]
    NotZstd,
    #[error("the body's zstd frame does not have the content that its checksum is of")]
    WrongChecksum,
}

/// Decodes a body of one or more frames. `take` is asked for the memory, in bytes, before it is
/// used.
pub(crate) fn decode(
    body: &[u8],
    limit: usize,
    take: &mut dyn FnMut(usize) -> bool,
) -> Result<Bytes, Undecodable> {
    let dense = FREE_EXPANSION.max(body.len().saturating_mul(MOST_EXPANSION));
    let over = if dense < limit { Undecodable::TooDense } else { Undecodable::TooLarge(limit) };
    let mut decoded = Decoded { bytes: Vec::new(), limit: limit.min(dense), over, taken: 0, take };
    let mut rest = body;
    // Ollama takes no bytes at all for an empty body, which no JSON route wants.
    while !rest.is_empty() {
        rest = decoded.frame(rest)?;
    }
    Ok(decoded.bytes.into())
}

/// The part that was decoded so far.
struct Decoded<'t> {
    bytes: Vec<u8>,
    limit: usize,
    /// The error if there is more.
    over: Undecodable,
    taken: usize,
    take: &'t mut dyn FnMut(usize) -> bool,
}

impl Decoded<'_> {
    /// Decodes one frame; what follows it is left.
    fn frame<'b>(&mut self, body: &'b [u8]) -> Result<&'b [u8], Undecodable> {
        let mut frame = StreamingDecoder::new_with_max_window_size(body, LARGEST_WINDOW)
            .map_err(|_| Undecodable::NotZstd)?;
        loop {
            self.claim()?;
            // One byte more tells a body that is as long as it may be from a longer one.
            let most = (self.taken.min(self.limit + 1) - self.bytes.len()) as u64;
            let read = frame.by_ref().take(most).read_to_end(&mut self.bytes);
            let read = read.map_err(|_| Undecodable::NotZstd)?;
            if self.bytes.len() > self.limit {
                return Err(self.over.clone());
            }
            if (read as u64) < most {
                break;
            }
        }
        let (rest, state): (&[u8], FrameDecoder) = frame.into_parts();
        let checksum = state.get_checksum_from_data();
        if checksum.is_some() && checksum != state.get_calculated_checksum() {
            return Err(Undecodable::WrongChecksum);
        }
        Ok(rest)
    }

    /// Takes memory for the next step.
    fn claim(&mut self) -> Result<(), Undecodable> {
        if self.bytes.len() < self.taken {
            return Ok(());
        }
        if !(self.take)(STEP) {
            return Err(Undecodable::NoMemory);
        }
        self.taken = self.bytes.len() + STEP;
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use ruzstd::encoding::{CompressionLevel, compress_to_vec};

    use bytes::Bytes;

    use super::{FREE_EXPANSION, STEP, Undecodable};

    fn decode(body: &[u8], limit: usize) -> Result<Bytes, Undecodable> {
        super::decode(body, limit, &mut |_| true)
    }

    fn frame(content: &[u8]) -> Vec<u8> {
        compress_to_vec(content, CompressionLevel::Fastest)
    }

    #[test]
    fn frames_are_decoded_and_joined() {
        let text = br#"{"model":"llama3.2:3b"}"#;
        assert_eq!(decode(&frame(text), 100).unwrap(), &text[..]);
        let (one, two) = text.split_at(9);
        let both = [frame(one), frame(two)].concat();
        assert_eq!(decode(&both, 100).unwrap(), &text[..]);
        assert_eq!(decode(b"", 100).unwrap(), "");
    }

    #[test]
    fn what_grows_over_the_limit_is_refused_while_it_grows() {
        let bomb = frame(&vec![0; 10 << 20]);
        assert!(bomb.len() < 10_000, "{}", bomb.len());
        assert_eq!(decode(&bomb, 1 << 20), Err(Undecodable::TooLarge(1 << 20)));
        assert_eq!(decode(&bomb, 10 << 20), Err(Undecodable::TooDense));
        for (length, dense) in [(FREE_EXPANSION, false), (FREE_EXPANSION + 1, true)] {
            let decoded = decode(&frame(&vec![0; length]), 10 << 20);
            assert_eq!(decoded.err(), dense.then_some(Undecodable::TooDense), "{length}");
        }
        // What is as dense as text stays good at any length.
        let text: Vec<u8> = (0..400_000_u32)
            .flat_map(|n| format!("{:08x},", n.wrapping_mul(n)).into_bytes())
            .collect();
        let packed = frame(&text);
        assert!(text.len() > 2 * FREE_EXPANSION && packed.len() * 60 > text.len());
        assert_eq!(decode(&packed, 10 << 20).map(|body| body.len()), Ok(text.len()));
        let split = [frame(&[0; 60]), frame(&[0; 60])].concat();
        assert_eq!(decode(&split, 100), Err(Undecodable::TooLarge(100)));
    }

    #[test]
    fn memory_is_asked_for_before_it_is_used() {
        let content = vec![0; 3 * STEP + 1];
        let mut asked = Vec::new();
        let decoded = super::decode(&frame(&content), 10 << 20, &mut |bytes| {
            asked.push(bytes);
            true
        });
        assert_eq!(decoded.map(|body| body.len()), Ok(content.len()));
        assert_eq!(asked, [STEP; 4]);
        let mut left = 2 * STEP;
        let decoded = super::decode(&frame(&content), 10 << 20, &mut |bytes| {
            left.checked_sub(bytes).inspect(|rest| left = *rest).is_some()
        });
        assert_eq!(decoded, Err(Undecodable::NoMemory));
    }

    #[test]
    fn what_is_not_zstd_is_refused() {
        let good = frame(b"hello, hello, hello");
        let mut wrong = good.clone();
        let last = wrong.len() - 1;
        wrong[last] ^= 1;
        assert_eq!(decode(&wrong, 100), Err(Undecodable::WrongChecksum));
        let trailing = [&good[..], b"x"].concat();
        let gzip = b"\x1f\x8b\x08\0\0\0\0\0";
        // A frame that is to be skipped, and one with a window of a gigabyte.
        let skippable = b"\x50\x2a\x4d\x18\x01\0\0\0x";
        let wide = b"\x28\xb5\x2f\xfd\x00\xa0\x01\x00\x00";
        let mut bad = vec![&b"x"[..], &trailing[..], gzip, skippable, wide];
        bad.extend((1..good.len()).map(|end| &good[..end]));
        for bytes in bad {
            let refused = decode(bytes, 100);
            assert!(refused.is_err(), "{bytes:?}");
        }
    }
}
