//! The texts and tools of a request, and what can be told of them without quoting any.

/// The texts and tools of a request, from whichever API.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Content {
    /// The names of the tools, in their order.
    pub tools: Vec<String>,
    /// The texts, in their order; none where only their outline is known.
    pub texts: Vec<Text>,
    /// The outline of the texts.
    pub prompt: Prompt,
}

/// The outline of the texts of a request.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
#[serde(default)]
pub struct Prompt {
    /// The bytes of all texts.
    pub bytes: u64,
    /// True if there is a system prompt.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    pub system: bool,
}

/// One text of a request.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Text {
    /// `system`, `user`, `assistant`, `tool`, `prompt`, `suffix`, `input`, or as the caller
    /// calls it.
    pub role: String,
    /// The text.
    pub text: String,
}

impl Content {
    /// The content of a request without any.
    pub const NONE: &'static Self =
        &Self { tools: Vec::new(), texts: Vec::new(), prompt: Prompt { bytes: 0, system: false } };

    /// Content of these tools and texts.
    pub fn of(tools: Vec<String>, texts: Vec<Text>) -> Self {
        let mut prompt = Prompt::default();
        for text in &texts {
            prompt.add(&text.role, &text.text);
        }
        Self { tools, texts, prompt }
    }

    /// Returns the bytes of all texts.
    pub const fn bytes(&self) -> u64 {
        self.prompt.bytes
    }

    /// Tells whether there is a system prompt.
    pub const fn has_system_prompt(&self) -> bool {
        self.prompt.system
    }
}

impl Prompt {
    /// Counts one text.
    pub fn add(&mut self, role: &str, text: &str) {
        self.bytes += text.len() as u64;
        self.system |= role == Text::SYSTEM;
    }
}

impl Text {
    /// The role of a system prompt.
    pub const SYSTEM: &'static str = "system";
}
