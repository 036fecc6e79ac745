"""Formulas in GitHub's two forms, $`...`$ and ```math, become MathML while the site is built, without a script."""

import re

from math_core import LatexError, LatexToMathML
from mkdocs.exceptions import PluginError

BLOCK = re.compile(r"^( *)```math\n(.*?)^ *```", re.DOTALL | re.MULTILINE)
INLINE = re.compile(r"()\$`(.+?)`\$", re.DOTALL)
LEFT_OVER = re.compile(r"\$<code>|<code>[^<]*\$\s*</code>|language-math|⟦")
converter = LatexToMathML()


def on_page_markdown(markdown, page, **_):
    """Take the formulas out, so that Markdown sees neither their bars nor their stars."""
    page.formulas = []

    def take(match, block):
        indent, latex = match[1], match[2].strip()
        try:
            formula = converter.convert_with_local_state(latex, displaystyle=block)
        except LatexError as error:
            raise PluginError(f"{page.file.src_uri}: {latex}: {error}") from error
        page.formulas.append(f'<span class="formula">{formula}</span>' if block else formula)
        mark = f"⟦{len(page.formulas) - 1}⟧"
        return f"\n{mark}\n" if block and not indent else indent + mark  # an indented one stays in its list

    markdown = BLOCK.sub(lambda match: take(match, block=True), markdown)
    return INLINE.sub(lambda match: take(match, block=False), markdown)


def on_page_content(html, page, **_):
    """Put the formulas back, and refuse a page on which one was not recognised."""
    html = re.sub(r"⟦(\d+)⟧", lambda match: page.formulas[int(match[1])], html)
    if found := LEFT_OVER.search(html):
        around = html[max(found.start() - 40, 0) : found.end() + 40]
        raise PluginError(f"{page.file.src_uri}: a formula was not converted near: {around}")
    return html
