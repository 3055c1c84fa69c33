//! The compile-time half of `export_provider!`: a manifest that the host couldn't read is an
//! error of the provider's own build, with the reason.

use crabbox_provider_manifest::Manifest;
use proc_macro::{TokenStream, TokenTree};
use std::env;
use std::fs;
use std::path::Path;

/// Checks the manifest at this path, relative to the crate's folder. Expands to nothing, or to
/// a `compile_error!`.
#[proc_macro]
pub fn check_manifest(input: TokenStream) -> TokenStream {
    match check(input) {
        Ok(()) => TokenStream::new(),
        // A string in debug form is a literal; were it none, the compiler would say so.
        Err(reason) => format!("compile_error!({reason:?});").parse().unwrap_or_default(),
    }
}

fn check(input: TokenStream) -> Result<(), String> {
    let name = literal(input).ok_or("the manifest's path must be a plain string literal")?;
    let folder = env::var_os("CARGO_MANIFEST_DIR").ok_or("cargo doesn't say where the crate is")?;
    let path = Path::new(&folder).join(name);
    let text = fs::read_to_string(&path)
        .map_err(|error| format!("`{}` can't be read: {error}", path.display()))?;
    Manifest::parse_strictly(&text)
        .map(drop)
        .map_err(|error| format!("`{}`: {error}", path.display()))
}

/// The text of a string literal without escapes; a macro hands it on in a group of its own.
fn literal(input: TokenStream) -> Option<String> {
    match input.into_iter().next()? {
        TokenTree::Group(group) => literal(group.stream()),
        TokenTree::Literal(literal) => {
            let text = literal.to_string();
            let text = text.strip_prefix('"')?.strip_suffix('"')?;
            (!text.contains('\\')).then(|| text.to_owned())
        }
        _ => None,
    }
}
