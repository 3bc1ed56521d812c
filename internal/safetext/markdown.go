package safetext

import "strings"

// Markdown returns s as Escape does, and so that no Markdown renderer reads it as anything but
// text: no markup, no HTML, no table's edge, and no address in it becomes a link by itself.
func Markdown(s string) string {
	var b strings.Builder
	text := Escape(s)
	for i, r := range text {
		links := r == ':' && strings.HasPrefix(text[i:], "://") || r == '.' && i >= 3 && strings.EqualFold(text[i-3:i], "www")
		if links || strings.ContainsRune("\\`*_{}[]()<>#+!|&~@", r) {
			b.WriteByte('\\')
		}
		b.WriteRune(r)
	}
	return b.String()
}
