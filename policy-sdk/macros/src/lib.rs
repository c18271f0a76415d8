//! The attributes of `stockade-policy-sdk`. Their documentation stands here and is shown
//! there; use them from there.

mod policy;
mod settings;

use proc_macro::TokenStream;

/// Makes a crate a Stockade policy.
///
/// Goes on the one `impl Policy for …` of a crate. Built as a `cdylib` for
/// `wasm32-unknown-unknown`, the crate then exports what the host calls: `describe` (with
/// the name and version of the crate), `configure` and `evaluate`, and has an allocator that
/// keeps its memory small. On other targets nothing is added, so the policy can be tested like
/// any other Rust code.
///
/// A panic is reported to the operator with its message and place, and refuses the request.
///
/// `#[policy(feature = "component")]` exports only where the crate has that feature: for a crate
/// that is also used as a library by another policy.
#[proc_macro_attribute]
pub fn policy(arguments: TokenStream, item: TokenStream) -> TokenStream {
    expand(policy::expand, arguments, item)
}

/// Makes a struct or an enum readable from a binding's `settings:`.
///
/// Derives `Deserialize` and `JsonSchema` through the SDK, so that the policy's crate needs
/// no dependency on serde or schemars, and refuses fields that it does not know: a
/// misspelled `alow` must not be an empty `allow`. Serde's attributes work as usual, and the
/// documentation of the fields becomes the description in the schema.
#[proc_macro_attribute]
pub fn settings(arguments: TokenStream, item: TokenStream) -> TokenStream {
    expand(settings::expand, arguments, item)
}

type Expansion =
    fn(proc_macro2::TokenStream, proc_macro2::TokenStream) -> syn::Result<proc_macro2::TokenStream>;

fn expand(expansion: Expansion, arguments: TokenStream, item: TokenStream) -> TokenStream {
    let expanded = expansion(arguments.into(), item.into());
    expanded.unwrap_or_else(syn::Error::into_compile_error).into()
}
