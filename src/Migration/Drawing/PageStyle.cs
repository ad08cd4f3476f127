namespace PreRecordMigration.Drawing;

/// <summary>
/// The style of pages: light and dark as the reader's system is, readable on a phone, light on paper. Its ten colours come from those of Okabe and Ito, darker or lighter
/// so that each stands out from the page and is told from the others of its picture by whoever sees no red, no green or no blue.
/// </summary>
internal static class PageStyle
{
    /// <summary>The style: without the characters that HTML and XML read differently there.</summary>
    public static string Css { get; } = """
        :root { color-scheme: light dark; --paper: #ffffff; --ink: #1b1b1b; --soft: #595959; --line: #d0d0d0; --panel: #f4f5f7; --link: #0b57a4;
          --c1: #0263a2; --c2: #bb7d07; --c3: #058a5a; --c4: #aa4500; --c5: #339cd5; --c6: #a64f85; --c7: #726702; --c8: #525252; --c9: #2a2a80; --c10: #8e8e8e; }
        @media screen and (prefers-color-scheme: dark) {
          :root { --paper: #16181c; --ink: #ececec; --soft: #b3b3b3; --line: #43474f; --panel: #22262c; --link: #8ec7ff;
            --c1: #4f9cc9; --c2: #f2ba41; --c3: #35c79b; --c4: #ea7a35; --c5: #9ad7fa; --c6: #f0d6e3; --c7: #d6c249; --c8: #9a9a9a; --c9: #949ef8; --c10: #676666; }
        }
        * { box-sizing: border-box; }
        body { margin: 0; background: var(--paper); color: var(--ink); font: 16px/1.5 system-ui, "DejaVu Sans", sans-serif; }
        header, main, footer, nav { max-width: 60rem; margin: 0 auto; padding: 0 1rem; }
        h1 { font-size: 1.6rem; line-height: 1.2; margin: 1.2rem 0 .3rem; }
        h2 { font-size: 1.3rem; line-height: 1.25; margin: 2.2rem 0 .3rem; padding-top: .8rem; border-top: 2px solid var(--line); }
        h3 { font-size: 1.05rem; margin: 1.6rem 0 .3rem; }
        h1, h2, h3, p, li, td, th, dd, figcaption { overflow-wrap: anywhere; }
        p { margin: .4rem 0; }
        a { color: var(--link); }
        nav ul { padding-left: 1.2rem; margin: .6rem 0; }
        .soft, footer { color: var(--soft); }
        footer { margin-top: 2.5rem; padding-bottom: 1.5rem; font-size: .85rem; }
        dl.key { display: grid; grid-template-columns: repeat(auto-fill, minmax(9rem, 1fr)); gap: .6rem; margin: .8rem 0; }
        dl.key div { background: var(--panel); border-radius: .4rem; padding: .5rem .7rem; }
        dt { color: var(--soft); font-size: .85rem; }
        dd { margin: 0; font-size: 1.15rem; font-weight: 600; }
        figure { margin: 1.2rem 0; padding: 0; }
        figcaption { margin-bottom: .5rem; font-size: .95rem; }
        svg { display: block; overflow: visible; print-color-adjust: exact; -webkit-print-color-adjust: exact; }
        svg.map { width: 100%; height: auto; max-width: 48rem; background: var(--panel); }
        text { fill: var(--ink); font: 12px system-ui, "DejaVu Sans", sans-serif; }
        text.a { fill: var(--soft); font-size: 11px; }
        text.v { font-weight: 600; }
        .g { stroke: var(--line); stroke-width: 1; }
        .m { stroke: var(--soft); stroke-width: 1; stroke-dasharray: 2 3; }
        circle.p, rect.e { stroke: var(--paper); stroke-width: 1; }
        .k { stroke: var(--ink); stroke-width: 3; }
        .s1 { fill: var(--c1); stroke: var(--c1); } .s2 { fill: var(--c2); stroke: var(--c2); } .s3 { fill: var(--c3); stroke: var(--c3); } .s4 { fill: var(--c4); stroke: var(--c4); } .s5 { fill: var(--c5); stroke: var(--c5); }
        .s6 { fill: var(--c6); stroke: var(--c6); } .s7 { fill: var(--c7); stroke: var(--c7); } .s8 { fill: var(--c8); stroke: var(--c8); } .s9 { fill: var(--c9); stroke: var(--c9); } .s10 { fill: var(--c10); stroke: var(--c10); }
        rect.c { stroke: none; }
        .t1, .t2, .t3, .t4, .t5, .t6 { fill: var(--c1); }
        .t1 { fill-opacity: .15; } .t2 { fill-opacity: .3; } .t3 { fill-opacity: .47; } .t4 { fill-opacity: .64; } .t5 { fill-opacity: .82; }
        .l { fill: none; stroke-width: 2; stroke-linejoin: round; }
        .l1 { stroke: var(--c1); } .l2 { stroke: var(--c4); stroke-dasharray: 8 3; } .l3 { stroke: var(--c3); stroke-dasharray: 2 3; }
        .l4 { stroke: var(--c6); stroke-dasharray: 10 3 2 3; } .l5 { stroke: var(--c2); stroke-dasharray: 5 5; } .l6 { stroke: var(--c8); stroke-dasharray: 14 4; }
        ul.legend { list-style: none; display: flex; flex-wrap: wrap; gap: .15rem 1rem; margin: .5rem 0; padding: 0; font-size: .9rem; }
        ul.legend svg { display: inline-block; vertical-align: -2px; }
        details { margin: .3rem 0; font-size: .9rem; }
        summary { cursor: pointer; color: var(--link); padding: .25rem 0; }
        :focus-visible { outline: 2px solid var(--link); outline-offset: 2px; }
        .scroll { overflow-x: auto; }
        table { border-collapse: collapse; width: 100%; font-size: .9rem; margin: .4rem 0; }
        caption { text-align: left; color: var(--soft); padding: .2rem 0; }
        th, td { text-align: left; vertical-align: top; padding: .3rem .6rem .3rem 0; border-bottom: 1px solid var(--line); min-width: 4.5rem; overflow-wrap: break-word; }
        th.n, td.n { text-align: right; font-variant-numeric: tabular-nums; }
        .alert { border-left: 4px solid var(--c4); background: var(--panel); padding: .5rem .8rem; }
        @page { margin: 14mm; }
        @media print {
          body { font-size: 11pt; }
          header, main, footer { max-width: none; padding: 0; }
          nav, summary { display: none; }
          h2 { break-after: avoid; } h3 { break-after: avoid; }
          figcaption, ul.legend { break-inside: avoid; break-after: avoid; }
          figure svg, tr, dl.key { break-inside: avoid; }
          section.move { break-before: page; }
          section.move:first-of-type { break-before: auto; }
          .scroll { overflow: visible; }
          details::details-content { content-visibility: visible; block-size: auto; }
          .long { display: none; }
        }
        """.ReplaceLineEndings("\n");
}
