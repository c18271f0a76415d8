//! `#[policy]`.

use proc_macro2::{Span, TokenStream};
use quote::quote;
use syn::spanned::Spanned;
use syn::{
    Error, Expr, ExprLit, ImplItem, Item, ItemImpl, Lit, LitStr, MetaNameValue, Result, Type,
    parse2,
};

const USAGE: &str = "#[policy] belongs on `impl Policy for YourPolicy { … }`";

pub(crate) fn expand(arguments: TokenStream, item: TokenStream) -> Result<TokenStream> {
    let feature = feature(arguments)?;
    let implementation = implementation(parse2(item)?)?;
    let component = component(&implementation.self_ty, feature.as_ref());
    Ok(quote! {
        #implementation
        #component
    })
}

/// The feature of the crate without which nothing is exported, if one is named.
fn feature(arguments: TokenStream) -> Result<Option<LitStr>> {
    if arguments.is_empty() {
        return Ok(None);
    }
    let wrong = "#[policy] takes no arguments but `feature = \"…\"`";
    match parse2(arguments.clone()) {
        Ok(MetaNameValue {
            path, value: Expr::Lit(ExprLit { lit: Lit::Str(name), .. }), ..
        }) if path.is_ident("feature") => Ok(Some(name)),
        _ => Err(Error::new_spanned(arguments, wrong)),
    }
}

fn implementation(item: Item) -> Result<ItemImpl> {
    let Item::Impl(implementation) = item else {
        return Err(Error::new(item.span(), USAGE));
    };
    check_header(&implementation)?;
    check_items(&implementation)?;
    Ok(implementation)
}

fn check_header(implementation: &ItemImpl) -> Result<()> {
    let Some((_, path, _)) = &implementation.trait_ else {
        let message = format!("{USAGE}; this `impl` has no `Policy for`");
        return Err(Error::new_spanned(&implementation.self_ty, message));
    };
    if path.segments.last().is_none_or(|last| last.ident != "Policy") {
        return Err(Error::new_spanned(path, format!("{USAGE}, not of another trait")));
    }
    if !implementation.generics.params.is_empty() {
        let message = "a policy cannot be generic: the component needs one concrete type";
        return Err(Error::new_spanned(&implementation.generics, message));
    }
    Ok(())
}

/// The compiler would report a missing item too, but not what to write.
fn check_items(implementation: &ItemImpl) -> Result<()> {
    let required = [
        ("Settings", "type Settings = …; with #[settings] on the struct that it names"),
        ("new", "fn new(settings: Self::Settings) -> Result<Self, Problem>"),
        ("evaluate", "fn evaluate(&self, request: &Request) -> Verdict"),
    ];
    let missing: Vec<_> = required
        .iter()
        .filter(|(name, _)| !implementation.items.iter().any(|item| is_named(item, name)))
        .map(|(_, declaration)| format!("\n  {declaration}"))
        .collect();
    if missing.is_empty() {
        return Ok(());
    }
    let message = format!("this policy lacks:{}", missing.concat());
    Err(Error::new_spanned(&implementation.self_ty, message))
}

fn is_named(item: &ImplItem, name: &str) -> bool {
    match item {
        ImplItem::Fn(function) => function.sig.ident == name,
        ImplItem::Type(alias) => alias.ident == name,
        _ => false,
    }
}

/// Expands to the exports that the host calls. They have fixed names, which on other targets could
/// meet those of a second policy in the same test binary.
fn component(policy: &Type, feature: Option<&LitStr>) -> TokenStream {
    let span = Span::mixed_site();
    let exported = feature.map_or_else(
        || quote!(target_family = "wasm"),
        |feature| quote!(all(target_family = "wasm", feature = #feature)),
    );
    quote::quote_spanned! {span=>
        #[cfg(#exported)]
        const _: () = {
            use ::stockade_policy_sdk::__private as sdk;

            #[global_allocator]
            static HEAP: sdk::Heap = sdk::Heap::new();

            static BINDINGS: sdk::Bindings<#policy> = sdk::Bindings::new();

            struct Component;

            impl sdk::Guest for Component {
                fn describe() -> sdk::Metadata {
                    sdk::describe::<#policy>(env!("CARGO_PKG_NAME"), env!("CARGO_PKG_VERSION"))
                }

                fn configure(
                    settings: ::std::vec::Vec<::std::string::String>,
                ) -> ::std::result::Result<(), ::std::vec::Vec<sdk::Problem>> {
                    BINDINGS.configure(&settings)
                }

                fn evaluate(
                    request: sdk::Request,
                    bindings: ::std::vec::Vec<u32>,
                ) -> ::std::vec::Vec<sdk::Answer> {
                    BINDINGS.evaluate(request, &bindings)
                }
            }

            sdk::export_component!(Component with_types_in ::stockade_policy_sdk::bindings);
        };
    }
}

#[cfg(test)]
mod tests {
    use super::expand;
    use proc_macro2::TokenStream;
    use quote::quote;

    fn complaint(item: TokenStream) -> String {
        expand(TokenStream::new(), item).unwrap_err().to_string()
    }

    #[test]
    fn a_policy_keeps_its_implementation_and_gains_exports() {
        let item = quote! {
            impl sdk::Policy for Quiet {
                type Settings = ();
                fn new(settings: ()) -> Result<Self, Problem> { Ok(Self) }
                fn evaluate(&self, request: &Request) -> Verdict { Verdict::abstain() }
            }
        };
        let expanded = expand(TokenStream::new(), item.clone()).unwrap().to_string();
        assert!(expanded.starts_with(&item.to_string()), "{expanded}");
        assert!(expanded.contains("export_component ! (Component"), "{expanded}");
    }

    #[test]
    fn what_is_no_policy_is_told_where_the_attribute_belongs() {
        let usage = "#[policy] belongs on `impl Policy for YourPolicy { … }`";
        assert_eq!(
            complaint(quote!(
                struct Quiet;
            )),
            usage
        );
        assert_eq!(
            complaint(quote!(
                fn evaluate() {}
            )),
            usage
        );
        assert!(complaint(quote!(impl Quiet {})).contains("has no `Policy for`"));
        assert!(complaint(quote!(impl Clone for Quiet {})).contains("not of another trait"));
    }

    #[test]
    fn a_generic_policy_is_refused() {
        let message = complaint(quote!(
            impl<T> Policy for Quiet<T> {}
        ));
        assert!(message.contains("cannot be generic"), "{message}");
    }

    #[test]
    fn everything_that_is_missing_is_named_at_once() {
        let item = quote! {
            impl Policy for Quiet {
                fn new(settings: ()) -> Result<Self, Problem> { Ok(Self) }
            }
        };
        let message = complaint(item);
        assert!(message.contains("type Settings = "), "{message}");
        assert!(message.contains("fn evaluate(&self, request: &Request) -> Verdict"), "{message}");
        assert!(!message.contains("fn new"), "{message}");
    }

    #[test]
    fn arguments_are_refused() {
        let error = expand(
            quote!(name = "x"),
            quote!(
                struct Quiet;
            ),
        )
        .unwrap_err();
        assert_eq!(error.to_string(), "#[policy] takes no arguments but `feature = \"…\"`");
    }
}
