//! How an implementation becomes part of the program.

use proc_macro2::TokenStream;
use quote::{ToTokens as _, quote};
use syn::Path;

use super::{ComponentImpl, method::as_dyn};
use crate::{names, travelling::spelling};

impl ComponentImpl {
    pub(super) fn emit_registration(&self, component: &Path) -> TokenStream {
        let import = names::import();
        let component = as_dyn(component);
        if !self.registered {
            return quote! {
                const _: () = {
                    #import
                    const _: &__weaver::ComponentSpec = <#component as __weaver::Component>::SPEC;
                };
            };
        }
        let ty = self.ty();
        let type_name = spelling(ty);
        // One type may implement several components.
        let link_name = format!("{type_name} as {}", component.to_token_stream());
        let location = names::location();
        quote! {
            const _: () = {
                #import
                use __weaver::{NoLifecycle as _, NoInstance as _};
                __weaver::inventory::submit! {
                    __weaver::Implementation {
                        component: <#component as __weaver::Component>::SPEC,
                        type_name: #type_name,
                        module: ::core::module_path!(),
                        location: #location,
                        fields: <#ty as __weaver::Construct>::fields,
                        build: |fields| __weaver::InstanceOf::<#component, #ty>::build(
                            fields,
                            __weaver::HooksOf::<#ty>::hooks(),
                            |it| it,
                        ),
                    }
                }
                // The linker for WebAssembly drops what is registered in a library, unless something in
                // the same object file is exported.
                #[cfg(target_family = "wasm")]
                #[unsafe(export_name = ::core::concat!(
                    "weaver-link:", ::core::module_path!(), "::", #link_name
                ))]
                extern "C" fn link() {}
            };
        }
    }
}
