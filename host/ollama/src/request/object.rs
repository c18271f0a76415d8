//! A JSON object that is being written.

pub(super) struct Object(Vec<u8>);

impl Object {
    pub(super) fn with_capacity(bytes: usize) -> Self {
        let mut out = Vec::with_capacity(bytes);
        out.push(b'{');
        Self(out)
    }

    pub(super) fn key(&mut self, plain: &str) {
        self.raw_key(format!("\"{plain}\"").as_bytes());
    }

    pub(super) fn raw_key(&mut self, quoted: &[u8]) {
        if self.0.len() > 1 {
            self.0.push(b',');
        }
        self.0.extend_from_slice(quoted);
        self.0.push(b':');
    }

    pub(super) fn value(&mut self, json: &[u8]) {
        self.0.extend_from_slice(json);
    }

    pub(super) fn member(&mut self, quoted: &[u8], json: &[u8]) {
        self.raw_key(quoted);
        self.value(json);
    }

    pub(super) fn finish(mut self) -> Vec<u8> {
        self.0.push(b'}');
        self.0
    }
}
