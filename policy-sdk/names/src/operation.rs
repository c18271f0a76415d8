/// Hands the table of operations to a macro: for each its description, its name in Rust, its name
/// everywhere else, and the class of access that it is.
///
/// `operations! { all define }` calls `define!` with all of them, and `operations! { decided define }`
/// with those that policies decide about.
#[macro_export]
macro_rules! operations {
    (all $define:ident) => {
        $crate::operations! { @with $define
            /// Tells whether Ollama is there: `GET /`.
            Heartbeat = "heartbeat", Public;
            /// Tells Ollama's version.
            Version = "version", Public;
        }
    };
    (decided $define:ident) => {
        $crate::operations! { @with $define }
    };
    (@with $define:ident $($public:tt)*) => {
        $define! {
            $($public)*
            /// Completes a prompt.
            Generate = "generate", Inference;
            /// Answers a conversation.
            Chat = "chat", Inference;
            /// Turns text into vectors.
            Embed = "embed", Inference;
            /// Turns speech into text.
            Transcribe = "transcribe", Inference;
            /// Loads a model into memory without running it.
            Load = "load", Inference;
            /// Removes a model from memory.
            Unload = "unload", Manage;
            /// Keeps a model in memory for ever.
            Pin = "pin", Manage;
            /// Lists the models on disk.
            List = "list", Read;
            /// Lists the models in memory.
            Running = "running", Read;
            /// Shows a model's details.
            Show = "show", Read;
            /// Lists the models that Ollama recommends.
            Recommend = "recommend", Read;
            /// Tells whether cloud models are enabled.
            Status = "status", Read;
            /// Fetches a model from a registry.
            Pull = "pull", Manage;
            /// Sends a model to a registry.
            Push = "push", Manage;
            /// Makes a model.
            Create = "create", Manage;
            /// Copies a model to another name.
            Copy = "copy", Manage;
            /// Deletes a model.
            Delete = "delete", Manage;
            /// Uploads a blob.
            UploadBlob = "upload-blob", Manage;
            /// Tells whether a blob exists.
            CheckBlob = "check-blob", Manage;
            /// Names the owner of the ollama.com account.
            WhoAmI = "whoami", Account;
            /// Signs the host out of ollama.com.
            SignOut = "sign-out", Account;
            /// Searches the web.
            WebSearch = "web-search", Web;
            /// Fetches a page from the web.
            WebFetch = "web-fetch", Web;
        }
    };
}
