//! Compressed bodies. Ollama decodes zstd under `/v1` and nothing else (`server/zstd.go`);
//! so does the gateway, under caps, and forwards what it has read.

use std::io::Read as _;

use bytes::Bytes;
use ruzstd::decoding::{FrameDecoder, StreamingDecoder};

/// The largest window, in bytes: how far back a frame may refer, and what decoding it keeps
/// in memory. All levels of `zstd` keep to it but those that must be asked for with
/// `--ultra` or `--long`.
const LARGEST_WINDOW: u64 = 8 << 20;

/// A body that is not decoded. The texts are for the caller.
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
pub(crate) enum Undecodable {
    #[error("the decoded body has more than the {0} bytes allowed")]
    TooLarge(usize),
    #[error("the body is not zstd with a window of at most 8 MiB; send that, or the body as it is")]
    NotZstd,
    #[error("the body's zstd frame does not have the content that its checksum is of")]
    WrongChecksum,
}

/// Decode a body of one or more frames.
pub(crate) fn decode(body: &[u8], limit: usize) -> Result<Bytes, Undecodable> {
    let mut decoded = Vec::new();
    let mut rest = body;
    // Ollama takes no bytes at all for an empty body, which no JSON route wants.
    while !rest.is_empty() {
        rest = decode_frame(rest, &mut decoded, limit)?;
    }
    Ok(decoded.into())
}

/// Decode one frame; what follows it is left.
fn decode_frame<'b>(
    body: &'b [u8],
    decoded: &mut Vec<u8>,
    limit: usize,
) -> Result<&'b [u8], Undecodable> {
    let mut frame = StreamingDecoder::new_with_max_window_size(body, LARGEST_WINDOW)
        .map_err(|_| Undecodable::NotZstd)?;
    let most = (limit - decoded.len()) as u64;
    // One byte more tells a body that is as long as it may be from a longer one.
    let read = frame.by_ref().take(most + 1).read_to_end(decoded);
    read.map_err(|_| Undecodable::NotZstd)?;
    if decoded.len() > limit {
        return Err(Undecodable::TooLarge(limit));
    }
    let (rest, state): (&[u8], FrameDecoder) = frame.into_parts();
    let checksum = state.get_checksum_from_data();
    if checksum.is_some() && checksum != state.get_calculated_checksum() {
        return Err(Undecodable::WrongChecksum);
    }
    Ok(rest)
}

#[cfg(test)]
mod tests {
    use ruzstd::encoding::{CompressionLevel, compress_to_vec};

    use super::{Undecodable, decode};

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
        assert_eq!(decode(&bomb, 10 << 20).map(|body| body.len()), Ok(10 << 20));
        let split = [frame(&[0; 60]), frame(&[0; 60])].concat();
        assert_eq!(decode(&split, 100), Err(Undecodable::TooLarge(100)));
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
