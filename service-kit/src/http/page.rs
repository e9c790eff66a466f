//! The frame of every page for people: one style for light and dark, readable on a telephone, without script.

/// The `style-src` hash is made of the same text.
pub const STYLE: &str = ":root{color-scheme:light dark}body{font:16px/1.5 sans-serif;margin:0}\
    main{max-width:32rem;margin:3rem auto;padding:0 1rem;overflow-wrap:anywhere}\
    pre{overflow:auto;overflow-wrap:normal;padding:.5rem;border:1px solid}\
    button,input{font:inherit;padding:.5rem 1rem;max-width:100%;box-sizing:border-box}label{display:block;margin:1rem 0}";

/// A page around a body of HTML; the title is text. Its empty icon, which needs `img-src data:`, spares browsers to ask for one.
pub fn html(title: &str, body: &str) -> String {
    format!(
        "<!doctype html><html lang=\"en\"><head><meta charset=\"utf-8\">\
         <meta name=\"viewport\" content=\"width=device-width, initial-scale=1\"><link rel=\"icon\" href=\"data:,\"><title>{}</title><style>{STYLE}</style>\
         </head><body><main>{body}</main></body></html>",
        escape(title)
    )
}

/// A text as HTML, also within an attribute.
pub fn escape(text: &str) -> String {
    text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;").replace('"', "&quot;")
}
