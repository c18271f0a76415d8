//! `#[settings]`.

use proc_macro2::TokenStream;
use quote::quote;
use syn::{Error, Fields, Item, Result, parse2};

const USAGE: &str = "#[settings] belongs on a struct with named fields or on an enum";

pub(crate) fn expand(arguments: TokenStream, item: TokenStream) -> Result<TokenStream> {
    if !arguments.is_empty() {
        let message = "#[settings] takes no arguments; use #[serde(…)] below it";
        return Err(Error::new_spanned(arguments, message));
    }
    let item: Item = parse2(item)?;
    let (name, generics) = match &item {
        Item::Struct(settings) if matches!(settings.fields, Fields::Named(_)) => {
            (&settings.ident, &settings.generics)
        }
        Item::Enum(settings) => (&settings.ident, &settings.generics),
        other => return Err(Error::new_spanned(other, USAGE)),
    };
    // What is generic is a part of settings, not the whole: a policy names one type.
    let whole = generics
        .params
        .is_empty()
        .then(|| quote!(impl ::stockade_policy_sdk::FromSettings for #name {}));
    Ok(quote! {
        #[derive(
            ::stockade_policy_sdk::serde::Deserialize,
            ::stockade_policy_sdk::schemars::JsonSchema,
        )]
        #[serde(crate = "::stockade_policy_sdk::serde", deny_unknown_fields)]
        #[schemars(crate = "::stockade_policy_sdk::schemars")]
        #item
        #whole
    })
}

#[cfg(test)]
mod tests {
    use super::{USAGE, expand};
    use proc_macro2::TokenStream;
    use quote::quote;

    #[test]
    fn structs_and_enums_refuse_unknown_fields() {
        for item in [
            quote!(
                struct Settings {
                    allow: Vec<String>,
                }
            ),
            quote!(
                enum Mode {
                    One,
                }
            ),
        ] {
            let expanded = expand(TokenStream::new(), item).unwrap().to_string();
            assert!(expanded.contains("deny_unknown_fields"), "{expanded}");
            assert!(expanded.contains(":: FromSettings for"), "{expanded}");
        }
    }

    #[test]
    fn what_is_not_an_object_is_told_where_the_attribute_belongs() {
        for item in [
            quote!(
                struct Settings(u8);
            ),
            quote!(
                struct Settings;
            ),
            quote!(
                fn f() {}
            ),
        ] {
            assert_eq!(expand(TokenStream::new(), item).unwrap_err().to_string(), USAGE);
        }
    }

    #[test]
    fn arguments_are_refused() {
        let error = expand(
            quote!(strict),
            quote!(
                enum Mode {
                    One,
                }
            ),
        )
        .unwrap_err();
        assert!(error.to_string().contains("takes no arguments"), "{error}");
    }
}
