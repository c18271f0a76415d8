//! The `Content-Disposition` of a part of a form.

/// A part's name, and its file name where it is a file.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Disposition {
    pub(super) name: String,
    pub(super) file: Option<String>,
}

/// Reads the value of `Content-Disposition`; `None` where it has no single reading.
pub(super) fn parse_disposition(value: &str) -> Option<Disposition> {
    let rest = strip_word(value, "form-data")?;
    let (mut name, mut file, mut extended) = (None, None, false);
    let mut rest = rest.trim_start_matches([' ', '\t']);
    while !rest.is_empty() {
        let (key, after) = rest.strip_prefix(';')?.split_once('=')?;
        let (text, after) = parameter(after)?;
        match key.trim_matches([' ', '\t']).to_ascii_lowercase().as_str() {
            "name" if name.is_none() => name = Some(text),
            "filename" if file.is_none() => file = Some(text),
            // The name in another encoding; neither is forwarded.
            "filename*" if !extended => extended = true,
            _ => return None,
        }
        rest = after.trim_start_matches([' ', '\t']);
    }
    let name = name.filter(|name| is_plain(name))?;
    let file = file.or(extended.then(String::new)).map(|file| safe_file_name(&file));
    Some(Disposition { name, file })
}

fn strip_word<'a>(text: &'a str, word: &str) -> Option<&'a str> {
    let (head, rest) = text.split_at_checked(word.len())?;
    head.eq_ignore_ascii_case(word).then_some(rest)
}

/// A token or a quoted string, and what follows it.
fn parameter(text: &str) -> Option<(String, &str)> {
    let text = text.trim_start_matches([' ', '\t']);
    let Some(quoted) = text.strip_prefix('"') else {
        let end = text.find([';', ' ', '\t']).unwrap_or(text.len());
        let (token, rest) = text.split_at(end);
        return (!token.is_empty() && !token.contains('"')).then(|| (token.to_owned(), rest));
    };
    let mut out = String::new();
    let mut characters = quoted.char_indices();
    while let Some((at, character)) = characters.next() {
        match character {
            '"' => return Some((out, &quoted[at + 1..])),
            '\\' => out.push(characters.next()?.1),
            other => out.push(other),
        }
    }
    None
}

/// A field's name: no client has others, and no reader decodes these.
fn is_plain(name: &str) -> bool {
    let plain = |byte: u8| byte.is_ascii_alphanumeric() || b"_-.[]".contains(&byte);
    (1..=64).contains(&name.len()) && name.bytes().all(plain)
}

/// Ollama needs a file to have a name, and reads at most its ending.
fn safe_file_name(name: &str) -> String {
    let ending = name.rsplit_once('.').map(|(_, ending)| ending.to_ascii_lowercase());
    let fits = |ending: &String| {
        (1..=8).contains(&ending.len()) && ending.bytes().all(|byte| byte.is_ascii_alphanumeric())
    };
    match ending.filter(fits) {
        Some(ending) => format!("audio.{ending}"),
        None => "audio".to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::{Disposition, parse_disposition};

    #[test]
    fn dispositions_have_one_reading() {
        let part = |name: &str, file: Option<&str>| {
            Some(Disposition { name: name.to_owned(), file: file.map(str::to_owned) })
        };
        let cases = [
            (r#"form-data; name="model""#, part("model", None)),
            ("form-data; name=model", part("model", None)),
            (r#"FORM-DATA; Name="include[]""#, part("include[]", None)),
            (r#"form-data;name="file";filename="a.b.WAV""#, part("file", Some("audio.wav"))),
            (r#"form-data; name="file"; filename="a;\"b""#, part("file", Some("audio"))),
            (r#"form-data; name="file"; filename="""#, part("file", Some("audio"))),
            ("form-data; name=\"file\"; filename*=UTF-8''a.wav", part("file", Some("audio"))),
            (r#"form-data; name="file"; filename="../../x.mp3""#, part("file", Some("audio.mp3"))),
            ("form-data", None),
            (r#"attachment; name="model""#, None),
            (r#"form-dataname="model""#, None),
            (r#"form-data; name="a"; name="b""#, None),
            (r#"form-data; name="file"; filename="a"; filename="b""#, None),
            (r#"form-data; name="mod el""#, None),
            (r#"form-data; name="mod%65l""#, None),
            (r#"form-data; name="model"#, None),
            (r#"form-data; name=mo"del""#, None),
            (r#"form-data; name="""#, None),
            ("form-data; name*=UTF-8''model", None),
            (r#"form-data; name="model"; size=1"#, None),
            (r#"form-data; name="model" x"#, None),
        ];
        for (value, expected) in cases {
            assert_eq!(parse_disposition(value), expected, "{value}");
        }
    }
}
