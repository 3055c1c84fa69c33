//! The macro that makes a cdylib a provider.

/// Exports a provider: embeds its manifest (a path relative to the crate's folder,
/// read and checked as the host will, while compiling) and the header that the host loads.
///
/// Goes once into the crate, which must be a `cdylib` built with `panic = "unwind"`.
#[macro_export]
macro_rules! export_provider {
    ($manifest:literal, $provider:ty) => {
        #[cfg(panic = "abort")]
        compile_error!(
            "a provider must be built with panic = \"unwind\": a panic has to become an error"
        );

        $crate::check_manifest!($manifest);

        const CRABBOX_MANIFEST: &str =
            include_str!(concat!(env!("CARGO_MANIFEST_DIR"), "/", $manifest));

        #[allow(unsafe_code, reason = "the host looks for this section")]
        #[used]
        // SAFETY: the section is of our own name and holds plain bytes.
        #[unsafe(link_section = ".crabbox.manifest")]
        static CRABBOX_MANIFEST_SECTION: [u8; $crate::manifest::section_length(CRABBOX_MANIFEST)] =
            $crate::manifest::section(CRABBOX_MANIFEST);

        #[allow(unsafe_code, reason = "the host looks for this symbol")]
        // SAFETY: the symbol is abi_stable's own for a header, and this is one.
        #[unsafe(export_name = "_1as_0lib_1header_0root_bmodule_bloader")]
        static CRABBOX_ROOT_MODULE: $crate::abi::LibHeader = $crate::abi::header::<$provider>();
    };
}
