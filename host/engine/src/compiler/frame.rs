//! Messages on the socket between a gateway and its compiler: a head in JSON, and bytes.

use std::io::{self, Read, Write};

use serde::Serialize;
use serde::de::DeserializeOwned;

/// Far more than the largest artifact, and little enough to refuse nonsense.
const LONGEST: u64 = 1 << 30;

/// Writes one message.
pub(super) fn write<T: Serialize>(
    mut to: impl Write,
    head: &T,
    blob: Option<&[u8]>,
) -> io::Result<()> {
    part(&mut to, &serde_json::to_vec(head)?)?;
    part(&mut to, blob.unwrap_or_default())?;
    to.flush()
}

/// Reads one message; `None` where the other side has closed the socket instead.
pub(super) fn read<T: DeserializeOwned>(mut from: impl Read) -> io::Result<Option<(T, Vec<u8>)>> {
    let Some(length) = length(&mut from)? else { return Ok(None) };
    let head = bytes(&mut from, length)?;
    let length = self::length(&mut from)?.ok_or(io::ErrorKind::UnexpectedEof)?;
    let blob = bytes(&mut from, length)?;
    Ok(Some((serde_json::from_slice(&head)?, blob)))
}

fn part(to: &mut impl Write, bytes: &[u8]) -> io::Result<()> {
    to.write_all(&(bytes.len() as u64).to_le_bytes())?;
    to.write_all(bytes)
}

fn length(from: &mut impl Read) -> io::Result<Option<u64>> {
    let mut length = [0; 8];
    let first = loop {
        match from.read(&mut length) {
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            read => break read?,
        }
    };
    if first == 0 {
        return Ok(None);
    }
    from.read_exact(&mut length[first..])?;
    let length = u64::from_le_bytes(length);
    if length > LONGEST {
        return Err(io::Error::new(io::ErrorKind::InvalidData, "a message of impossible length"));
    }
    Ok(Some(length))
}

/// Grows as bytes come, so that a length alone takes no memory.
fn bytes(from: &mut impl Read, length: u64) -> io::Result<Vec<u8>> {
    let mut bytes = Vec::new();
    let read = from.take(length).read_to_end(&mut bytes)?;
    if (read as u64) < length {
        return Err(io::ErrorKind::UnexpectedEof.into());
    }
    Ok(bytes)
}

#[cfg(test)]
mod tests {
    use super::{LONGEST, read, write};

    fn written(head: &str, blob: Option<&[u8]>) -> Vec<u8> {
        let mut bytes = Vec::new();
        write(&mut bytes, &head, blob).unwrap();
        bytes
    }

    #[test]
    fn messages_are_read_as_they_were_written() {
        let bytes = [written("one", Some(b"\0\x01")), written("two", None)].concat();
        let mut rest = &bytes[..];
        assert_eq!(read(&mut rest).unwrap(), Some(("one".to_owned(), vec![0, 1])));
        assert_eq!(read(&mut rest).unwrap(), Some(("two".to_owned(), vec![])));
        assert_eq!(read::<String>(&mut rest).unwrap(), None);
    }

    #[test]
    fn one_that_breaks_off_is_an_error_wherever_it_does() {
        let whole = written("head", Some(b"blob"));
        for end in 1..whole.len() {
            assert!(read::<String>(&whole[..end]).is_err(), "{end}");
        }
        let mut long = whole;
        long[..8].copy_from_slice(&(LONGEST + 1).to_le_bytes());
        assert!(read::<String>(&long[..]).is_err());
    }
}
