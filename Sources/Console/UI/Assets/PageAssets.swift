import Crypto
import Support

/// The page's one document, with its style and script in it, and the policy that allows a browser to run only these.
enum PageAssets {
    static let script = [
        PageScript.base, PageScript.dataPlanes, PageScript.flow, PageScript.matrix, PageScript.rest, PageScript.live,
    ].joined(separator: "\n")

    static let document = """
        <!doctype html>
        <html lang="en">
        <head>
        <meta charset="utf-8">
        <meta name="viewport" content="width=device-width, initial-scale=1">
        <meta name="color-scheme" content="light dark">
        <title>Squadron</title>
        <link rel="icon" href="data:,">
        <style>\(PageStyle.text)</style>
        </head>
        <body>\(PageMarkup.body)<script>\(script)</script></body>
        </html>

        """

    /// Nothing from other sites, no inline handlers, no text that becomes markup.
    static let policy = [
        "default-src 'none'", "script-src 'sha256-\(hash(script))'", "style-src 'sha256-\(hash(PageStyle.text))'",
        "connect-src 'self'", "img-src data:", "base-uri 'none'", "form-action 'none'", "frame-ancestors 'none'",
        "require-trusted-types-for 'script'", "trusted-types 'none'",
    ].joined(separator: "; ")

    private static func hash(_ text: String) -> String { Base64.encode(Array(SHA256.hash(data: Array(text.utf8)))) }
}
