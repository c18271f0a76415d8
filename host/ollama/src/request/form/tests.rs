use bytes::Bytes;
use stockade_core::{FieldPath, FieldRule, ModelName, ModelRole, Obligations, Operation, Subject};

use super::{Form, FormError, boundary};
use crate::request::{CanonicalRequest, UpstreamBody, WriteOptions};
use crate::route::ROUTES;
use crate::{ReadLimits, Refusal};

const MODEL: &str = "Content-Disposition: form-data; name=\"model\"\r\n\r\nLLAMA3.2";
const FILE: &str = "Content-Disposition: form-data; name=\"file\"; filename=\"a.wav\"\r\n\
                    Content-Type: audio/wav\r\n\r\n\0RIFF\r\n--x\r\nstockade-form-0000000000000000";

fn form(parts: &[&str]) -> String {
    let parts = parts.join("\r\n--B\r\n");
    format!("--B\r\n{parts}\r\n--B--\r\n")
}

fn refused(body: &str) -> FormError {
    Form::read(&Bytes::from(body.to_owned()), "B").map(drop).expect_err(body)
}

fn read(body: &str) -> Result<CanonicalRequest, Refusal> {
    let route = ROUTES.iter().find(|route| route.operation == Operation::Transcribe).unwrap();
    let body = Bytes::from(body.to_owned());
    CanonicalRequest::read_form(route, &body, "B", &ReadLimits::default())
}

fn forwarded(request: CanonicalRequest, obligations: &Obligations) -> (String, String) {
    let written = request.write(obligations, &WriteOptions::default()).unwrap();
    let UpstreamBody::Form { content_type, pieces } = written.body else {
        panic!("{:?}", written.body);
    };
    let body = pieces.concat();
    (content_type.to_str().unwrap().to_owned(), String::from_utf8(body).unwrap())
}

#[test]
fn a_form_is_written_again() {
    let prompt = "Content-Disposition: form-data; name=prompt\r\n\r\nh\u{f6}r zu";
    let request = read(&form(&[FILE, prompt, MODEL])).unwrap();
    assert_eq!(request.operation(), Operation::Transcribe);
    let model = &request.models()[0];
    assert_eq!((model.name.short(), model.role), ("llama3.2:latest", ModelRole::Use));
    let (content_type, body) = forwarded(request, &Obligations::default());
    // The file has the first boundary in it.
    assert_eq!(content_type, "multipart/form-data; boundary=stockade-form-0000000000000001");
    let expected = "--stockade-form-0000000000000001\r\n\
        Content-Disposition: form-data; name=\"model\"\r\n\r\nLLAMA3.2:latest\r\n\
        --stockade-form-0000000000000001\r\n\
        Content-Disposition: form-data; name=\"prompt\"\r\n\r\nh\u{f6}r zu\r\n\
        --stockade-form-0000000000000001\r\n\
        Content-Disposition: form-data; name=\"file\"; filename=\"audio.wav\"\r\n\
        Content-Type: audio/wav\r\n\r\n\0RIFF\r\n--x\r\nstockade-form-0000000000000000\r\n\
        --stockade-form-0000000000000001--\r\n";
    assert_eq!(body, expected);
}

#[test]
fn what_is_forwarded_reads_the_same() {
    let list = "Content-Disposition: form-data; name=\"include[]\"\r\n\r\none";
    let (content_type, body) =
        forwarded(read(&form(&[MODEL, list, list, FILE])).unwrap(), &Obligations::default());
    let again = Form::read(&body.clone().into(), &boundary(&content_type).unwrap()).unwrap();
    let (_, pieces) = again.write("LLAMA3.2:latest");
    assert_eq!(pieces.concat(), body.as_bytes());
}

#[test]
fn policies_change_a_form() {
    let other = ModelName::parse("whisper:small").unwrap();
    let mut request = read(&form(&[MODEL, FILE])).unwrap();
    assert_eq!(request.change(Some(&other), &[]), Ok(true));
    let (_, body) = forwarded(request, &Obligations::default());
    assert!(body.contains("whisper:small") && !body.contains("llama"), "{body}");
    let forbid = Obligations {
        fields: vec![FieldRule::Forbid(FieldPath::new("Prompt").unwrap())],
        ..Obligations::default()
    };
    let prompt = "Content-Disposition: form-data; name=\"prompt\"\r\n\r\nx";
    let request = read(&form(&[MODEL, prompt, FILE])).unwrap();
    assert_eq!(request.write(&forbid, &WriteOptions::default()).unwrap_err().status, 403);
}

#[test]
fn policies_change_the_fields_of_a_form() {
    let field = |name: &str, text: &str| {
        format!("Content-Disposition: form-data; name=\"{name}\"\r\n\r\n{text}")
    };
    let path = |path: &str| FieldPath::new(path).unwrap();
    let insert = |name: &str, json: &str| FieldRule::Insert(path(name), json.to_owned());
    let sent = form(&[MODEL, &field("prompt", "x"), &field("new", "1"), FILE]);
    let rules = vec![
        FieldRule::Strip(path("Prompt")),
        FieldRule::Strip(path("options.num_gpu")),
        insert("language", "\"de\\n\""),
        insert("temperature", "0.5"),
        insert("new", "2"),
    ];
    let mut request = read(&sent).unwrap();
    assert_eq!(request.change(None, &rules), Ok(true));
    assert_eq!(request.change(None, &rules), Ok(false));
    let obligations = Obligations { fields: rules, ..Obligations::default() };
    let refusal = read(&sent).unwrap().write(&obligations, &WriteOptions::default());
    assert!(refusal.unwrap_err().message.contains("nobody was asked"));
    let (_, body) = forwarded(request, &obligations);
    assert!(!body.contains("prompt"), "{body}");
    for part in [field("language", "de\n"), field("temperature", "0.5"), field("new", "1")] {
        assert!(body.contains(&part), "{part} in {body}");
    }
    for rule in [
        FieldRule::Strip(path("file")),
        FieldRule::Strip(path("Model")),
        FieldRule::Forbid(path("NEW")),
        insert("stream", "true"),
        insert("options.num_gpu", "0"),
        insert("a\"; b", "1"),
        insert("x", "[]"),
    ] {
        let refused = read(&sent).unwrap().change(None, std::slice::from_ref(&rule));
        assert!(refused.is_err(), "{rule:?}");
    }
}

#[test]
fn a_form_with_two_readings_is_refused() {
    let text = |name: &str| format!("Content-Disposition: form-data; name=\"{name}\"\r\n\r\nx");
    assert_eq!(refused(&form(&[MODEL, MODEL, FILE])), FormError::Twice("model".to_owned()));
    assert_eq!(
        refused(&form(&[MODEL, FILE, &text("Model")])),
        FormError::Folded("Model".to_owned(), "model")
    );
    assert_eq!(
        refused(&form(&[MODEL, FILE, &text("new"), &text("NEW")])),
        FormError::Twice("NEW".to_owned())
    );
    assert_eq!(refused(&form(&[FILE])), FormError::Missing("model"));
    assert_eq!(refused(&form(&[MODEL])), FormError::Missing("file"));
    assert_eq!(refused(&form(&[MODEL, &text("file")])), FormError::NotFile);
    let as_file = MODEL.replace("\"model\"", "\"model\"; filename=\"x\"");
    assert_eq!(refused(&form(&[&as_file, FILE])), FormError::NotText("model".to_owned()));
    let encoded = MODEL.replace("\r\n\r\n", "\r\nContent-Transfer-Encoding: base64\r\n\r\n");
    assert_eq!(refused(&form(&[&encoded, FILE])), FormError::OtherHeader(1));
    let twice = MODEL.replace("\r\n\r\n", "\r\nContent-Disposition: form-data; name=x\r\n\r\n");
    assert_eq!(refused(&form(&[&twice, FILE])), FormError::Disposition(1));
    assert_eq!(refused(&form(&["\r\nx", FILE])), FormError::Headers(1));
    let many: Vec<String> = (0..70).map(|number| text(&format!("f{number}"))).collect();
    let many: Vec<&str> = many.iter().map(String::as_str).collect();
    assert_eq!(refused(&form(&many)), FormError::TooManyParts);
}

#[test]
fn a_form_has_nothing_around_its_parts() {
    let good = form(&[MODEL, FILE]);
    assert_eq!(refused(&format!("preamble\r\n{good}")), FormError::Beginning);
    assert_eq!(refused(&format!("\r\n{good}")), FormError::Beginning);
    assert_eq!(refused(&format!("{good}x")), FormError::End);
    assert_eq!(refused(good.trim_end_matches("--\r\n")), FormError::End);
    assert_eq!(refused(&good[..good.len() / 2]), FormError::End);
    assert_eq!(refused(""), FormError::Beginning);
    assert_eq!(refused(&good.replacen("--B\r\n", "--B \r\n", 1)), FormError::Beginning);
}

#[test]
fn boundaries() {
    let cases = [
        ("multipart/form-data; boundary=abc", Some("abc")),
        ("Multipart/Form-Data;boundary=\"a-b_c\"; charset=utf-8", Some("a-b_c")),
        ("multipart/form-data", None),
        ("multipart/mixed; boundary=abc", None),
        ("multipart/form-data; boundary=", None),
        ("multipart/form-data; boundary=a b", None),
        ("multipart/form-data; boundary=a; boundary=b", None),
        ("multipart/form-data; boundary=\"a", None),
        ("application/json", None),
    ];
    for (content_type, expected) in cases {
        assert_eq!(boundary(content_type).as_deref(), expected, "{content_type}");
    }
}
