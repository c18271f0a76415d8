//! Numbers as people read them.

/// Returns a number with commas between its thousands.
pub fn grouped(value: u64) -> String {
    let digits = value.to_string();
    let mut text = String::with_capacity(digits.len() + digits.len() / 3);
    for (at, digit) in digits.char_indices() {
        if at > 0 && (digits.len() - at).is_multiple_of(3) {
            text.push(',');
        }
        text.push(digit);
    }
    text
}

/// Returns bytes in the largest binary unit, with tenths: `1.5 GiB`; `None` for less than 1 KiB.
pub fn binary(bytes: u64) -> Option<String> {
    let units = [("GiB", 30_u32), ("MiB", 20), ("KiB", 10)];
    let (unit, shift) = units.into_iter().find(|(_, shift)| bytes >= 1 << shift)?;
    let tenths = (u128::from(bytes) * 10) >> shift;
    Some(format!("{}.{} {unit}", tenths / 10, tenths % 10))
}
