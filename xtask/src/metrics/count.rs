//! One pass over a parsed file.

use syn::{
    Attribute, Block, Expr, ExprCall, ExprMethodCall, ImplItemFn, ItemConst, ItemEnum, ItemFn, ItemMod,
    ItemStruct, ItemTrait, ItemType, Lit, ReturnType, Signature, Type, Visibility,
    spanned::Spanned,
    visit::{self, Visit},
};

use super::shape::shape;

/// What a file holds, or several when added up. Test code is left out, except for `tests`.
#[derive(Debug, Clone, Default)]
pub(super) struct Counts {
    /// Lines of each function and its name.
    pub(super) functions: Vec<(usize, String)>,
    pub(super) tests: usize,
    /// Items with `pub`, and how many of them have a doc comment.
    pub(super) public: usize,
    pub(super) documented: usize,
    /// Functions with `pub` that return a `Result`, and how many have an `# Errors` section.
    pub(super) result_fns: usize,
    pub(super) errors_sections: usize,
    pub(super) unwraps: usize,
    pub(super) expects: usize,
    /// Types of the form `Arc<Mutex<_>>`, `Arc<RwLock<_>>` and `Rc<RefCell<_>>`.
    pub(super) locked_arcs: usize,
    /// Calls of `Instant::now` and `SystemTime::now`.
    pub(super) clock_reads: usize,
    /// First and last line of each test module.
    test_modules: Vec<(usize, usize)>,
    file: String,
    in_test: bool,
}

impl Counts {
    /// Counts one file, called `file` in what is listed by name.
    pub(super) fn of(file: &str, tree: &syn::File, in_test: bool) -> Self {
        let mut counts = Self { file: file.to_owned(), in_test, ..Self::default() };
        counts.visit_file(tree);
        counts
    }

    /// Adds the counts of another file.
    pub(super) fn add(&mut self, other: Self) {
        self.functions.extend(other.functions);
        self.tests += other.tests;
        self.public += other.public;
        self.documented += other.documented;
        self.result_fns += other.result_fns;
        self.errors_sections += other.errors_sections;
        self.unwraps += other.unwraps;
        self.expects += other.expects;
        self.locked_arcs += other.locked_arcs;
        self.clock_reads += other.clock_reads;
    }

    /// Whether a line, counted from 1, belongs to a test module of this file.
    pub(super) fn is_in_test_module(&self, line: usize) -> bool {
        self.test_modules.iter().any(|(first, last)| (*first..=*last).contains(&line))
    }

    fn item(&mut self, visibility: &Visibility, attributes: &[Attribute]) {
        if !self.in_test && is_public(visibility) {
            self.public += 1;
            self.documented += usize::from(!doc_lines(attributes).is_empty());
        }
    }

    fn function(
        &mut self,
        signature: &Signature,
        visibility: &Visibility,
        attributes: &[Attribute],
        body: &Block,
    ) {
        self.tests += usize::from(is_test(attributes));
        if self.in_test || is_test(attributes) {
            return;
        }
        let first = signature.span().start().line;
        let last = body.brace_token.span.close().end().line;
        self.functions.push((last - first + 1, format!("{}: {}", self.file, signature.ident)));
        if let (true, ReturnType::Type(_, ty)) = (is_public(visibility), &signature.output)
            && shape(ty).contains("Result")
        {
            self.result_fns += 1;
            let is_title = |line: &String| line.trim_start().starts_with("# Error");
            self.errors_sections += usize::from(doc_lines(attributes).iter().any(is_title));
        }
    }

    fn within(&mut self, in_test: bool, visit: impl FnOnce(&mut Self)) {
        let before = self.in_test;
        self.in_test |= in_test;
        visit(self);
        self.in_test = before;
    }
}

impl<'ast> Visit<'ast> for Counts {
    fn visit_item_mod(&mut self, module: &'ast ItemMod) {
        let is_inline = module.content.is_some();
        let is_test = (is_inline && module.ident == "tests") || is_cfg_test(&module.attrs);
        if is_test && !self.in_test {
            let span = module.span();
            self.test_modules.push((span.start().line, span.end().line));
        }
        // A module with a file of its own is documented by the head of that file.
        if is_inline && !is_test {
            self.item(&module.vis, &module.attrs);
        }
        self.within(is_test, |this| visit::visit_item_mod(this, module));
    }

    fn visit_item_fn(&mut self, item: &'ast ItemFn) {
        let is_test = is_test(&item.attrs) || is_cfg_test(&item.attrs);
        if !is_test {
            self.item(&item.vis, &item.attrs);
        }
        self.within(is_cfg_test(&item.attrs), |this| {
            this.function(&item.sig, &item.vis, &item.attrs, &item.block);
        });
        self.within(is_test, |this| visit::visit_item_fn(this, item));
    }

    fn visit_impl_item_fn(&mut self, item: &'ast ImplItemFn) {
        self.within(is_cfg_test(&item.attrs), |this| {
            this.item(&item.vis, &item.attrs);
            this.function(&item.sig, &item.vis, &item.attrs, &item.block);
            visit::visit_impl_item_fn(this, item);
        });
    }

    fn visit_item_struct(&mut self, item: &'ast ItemStruct) {
        self.item(&item.vis, &item.attrs);
        visit::visit_item_struct(self, item);
    }

    fn visit_item_enum(&mut self, item: &'ast ItemEnum) {
        self.item(&item.vis, &item.attrs);
        visit::visit_item_enum(self, item);
    }

    fn visit_item_trait(&mut self, item: &'ast ItemTrait) {
        self.item(&item.vis, &item.attrs);
        visit::visit_item_trait(self, item);
    }

    fn visit_item_const(&mut self, item: &'ast ItemConst) {
        self.item(&item.vis, &item.attrs);
        visit::visit_item_const(self, item);
    }

    fn visit_item_type(&mut self, item: &'ast ItemType) {
        self.item(&item.vis, &item.attrs);
        visit::visit_item_type(self, item);
    }

    fn visit_expr_method_call(&mut self, call: &'ast ExprMethodCall) {
        if !self.in_test {
            self.unwraps += usize::from(call.method == "unwrap");
            self.expects += usize::from(call.method == "expect");
        }
        visit::visit_expr_method_call(self, call);
    }

    fn visit_expr_call(&mut self, call: &'ast ExprCall) {
        if let (false, Expr::Path(path)) = (self.in_test, &*call.func) {
            let mut names = path.path.segments.iter().rev().map(|segment| &segment.ident);
            if let (Some(method), Some(ty)) = (names.next(), names.next()) {
                let is_read = method == "now" && (ty == "Instant" || ty == "SystemTime");
                self.clock_reads += usize::from(is_read);
            }
        }
        visit::visit_expr_call(self, call);
    }

    fn visit_type(&mut self, ty: &'ast Type) {
        let locked = ["Arc<Mutex", "Arc<RwLock", "Rc<RefCell"];
        if !self.in_test && locked.iter().any(|prefix| shape(ty).starts_with(prefix)) {
            self.locked_arcs += 1;
        }
        visit::visit_type(self, ty);
    }
}

fn is_public(visibility: &Visibility) -> bool {
    matches!(visibility, Visibility::Public(_))
}

fn doc_lines(attributes: &[Attribute]) -> Vec<String> {
    let docs = attributes.iter().filter(|attribute| attribute.path().is_ident("doc"));
    docs.filter_map(doc_text).collect()
}

fn doc_text(doc: &Attribute) -> Option<String> {
    let Expr::Lit(literal) = &doc.meta.require_name_value().ok()?.value else { return None };
    let Lit::Str(text) = &literal.lit else { return None };
    Some(text.value())
}

/// `#[test]` and those of other runners, such as `#[tokio::test]`.
fn is_test(attributes: &[Attribute]) -> bool {
    let last_words = attributes.iter().filter_map(|attribute| attribute.path().segments.last());
    last_words.into_iter().any(|word| word.ident == "test" || word.ident == "wasm_bindgen_test")
}

/// `#[cfg(test)]`, alone or as the first of several conditions.
pub(super) fn is_cfg_test(attributes: &[Attribute]) -> bool {
    let cfgs = attributes.iter().filter(|attribute| attribute.path().is_ident("cfg"));
    let conditions = cfgs.filter_map(|cfg| cfg.meta.require_list().ok()).map(|list| list.tokens.to_string());
    conditions.map(|condition| condition.replace(' ', "")).any(|condition| {
        condition == "test" || condition.starts_with("all(test,") || condition.starts_with("any(test,")
    })
}
