//! The pages about errors: the Markdown of `docs/errors`, as small HTML.
//!
//! Only the forms that those pages use are supported: headings, paragraphs, lists, fenced code and `code` in a line.
//! Everything is escaped; nothing of a request is in a page.

use super::ErrorCode;
use crate::http::page::{escape, html};

/// The page about a code, as HTML.
pub fn page(code: ErrorCode) -> String {
    html(code.title(), &render(code.markdown()))
}

#[derive(PartialEq, Eq, Clone, Copy)]
enum Block {
    None,
    Paragraph,
    List,
    Code,
}

fn render(markdown: &str) -> String {
    let mut html = String::with_capacity(markdown.len().saturating_mul(2));
    let mut block = Block::None;
    for line in markdown.lines() {
        block = render_line(&mut html, block, line);
    }
    close(&mut html, block);
    html
}

fn render_line(html: &mut String, block: Block, line: &str) -> Block {
    if line.starts_with("```") {
        close(html, block);
        if block == Block::Code {
            return Block::None;
        }
        html.push_str("<pre><code>");
        return Block::Code;
    }
    if block == Block::Code {
        html.push_str(&escape(line));
        html.push('\n');
        return Block::Code;
    }
    let heading = [("### ", "h3"), ("## ", "h2"), ("# ", "h1")]
        .into_iter()
        .find_map(|(mark, tag)| line.strip_prefix(mark).map(|text| (text, tag)));
    if let Some((text, tag)) = heading {
        close(html, block);
        for part in ["<", tag, ">", &inline(text), "</", tag, ">"] {
            html.push_str(part);
        }
        return Block::None;
    }
    if let Some(item) = line.strip_prefix("- ") {
        open(html, block, Block::List);
        html.push_str("<li>");
        html.push_str(&inline(item));
        return Block::List;
    }
    if line.trim().is_empty() {
        close(html, block);
        return Block::None;
    }
    // A line that continues a list item stays in it.
    let block = if block == Block::List { Block::List } else { open(html, block, Block::Paragraph) };
    html.push_str(&inline(line.trim()));
    html.push('\n');
    block
}

fn open(html: &mut String, from: Block, to: Block) -> Block {
    if from != to {
        close(html, from);
        html.push_str(if to == Block::List { "<ul>" } else { "<p>" });
    }
    to
}

fn close(html: &mut String, block: Block) {
    html.push_str(match block {
        Block::None => "",
        Block::Paragraph => "</p>",
        Block::List => "</ul>",
        Block::Code => "</code></pre>",
    });
}

fn inline(text: &str) -> String {
    let mut html = String::with_capacity(text.len());
    for (index, part) in text.split('`').enumerate() {
        if index > 0 {
            html.push_str(if index % 2 == 1 { "<code>" } else { "</code>" });
        }
        html.push_str(&escape(part));
    }
    html
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_code_has_a_page_with_cause_fix_and_example() {
        for code in ErrorCode::ALL {
            let text = code.markdown();
            assert!(text.starts_with(&format!("# {}", code.title())), "{code}");
            for part in ["## Cause", "## Fix", "## Example", "```", code.as_str()] {
                assert!(text.contains(part), "{code}: {part}");
            }
            assert!(text.contains(&code.status().as_u16().to_string()), "{code}: status");
            let html = page(*code);
            assert!(html.contains("<main><h1>") && html.contains("name=\"viewport\""), "{code}");
            assert!(html.contains("color-scheme:light dark") && html.contains("pre{overflow:auto"), "{code}");
            assert!(html.contains("<h2>Cause</h2>") && html.contains("<pre><code>"), "{code}");
            assert_eq!(html.matches("<pre>").count(), html.matches("</pre>").count(), "{code}");
        }
    }

    #[test]
    fn html_in_a_page_is_escaped() {
        assert_eq!(render("a <b> `c<d`"), "<p>a &lt;b&gt; <code>c&lt;d</code>\n</p>");
    }

    #[test]
    fn lists_and_paragraphs_follow_each_other() {
        assert_eq!(render("- a\n- b\n\nc"), "<ul><li>a<li>b</ul><p>c\n</p>");
    }
}
