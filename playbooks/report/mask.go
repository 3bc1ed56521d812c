package report

import (
	"reflect"
	"regexp"
	"slices"
	"strings"
	"time"
)

// Masked stands in place of what looks like a secret.
const Masked = "[masked]"

// What code, error messages and logs hold of secrets, by form. Access key ids are no secrets:
// they name whose the credentials are, and a report has to say that.
var (
	// Values that are set under a telling name, in code and in documents.
	named       = regexp.MustCompile(`(?i)((?:secret|passw(?:or)?d|pwd|token|api_?-?key|private_?-?key|access_?key(?:_?secret)?|credential|client_?secret|auth(?:orization)?)[a-z0-9_\-]*["']?\s*(?:[:=]|=>|:=)\s*["'])([^"'\s]{6,})(["'])`)
	accessKeyID = regexp.MustCompile(`^A(?:KIA|SIA)[A-Z2-7]{16}$`)
	// Forms that say themselves what they are.
	shaped = regexp.MustCompile(strings.Join([]string{
		`(?s:-----BEGIN [A-Z ]*PRIVATE KEY-----.*?(?:-----END [A-Z ]*PRIVATE KEY-----|$))`,
		`\beyJ[A-Za-z0-9_-]{10,}\.eyJ[A-Za-z0-9_-]{10,}\.[A-Za-z0-9_-]*`, // a JSON web token
		`\b(?:IQoJ|FwoG|FQoG)[A-Za-z0-9+/=]{60,}`,                        // a session token of STS
		`\bgh[pousr]_[A-Za-z0-9]{30,}\b`, `\bgithub_pat_[A-Za-z0-9_]{30,}\b`, `\bxox[abposr]-[A-Za-z0-9-]{10,}`, `\bsk_live_[A-Za-z0-9]{10,}`, `\bAGE-SECRET-KEY-1[A-Z0-9]{20,}`, `\bAIza[A-Za-z0-9_-]{30,}`,
	}, "|"))
	// Each of those has one of these.
	shapes = []string{"-----BEGIN ", "eyJ", "IQoJ", "FwoG", "FQoG", "gh", "github_pat_", "xox", "sk_live_", "AGE-SECRET-KEY-1", "AIza"}
	// Userinfo of an address, and credentials in a header.
	userinfo = regexp.MustCompile(`(://[^/\s:@]{1,64}:)([^/\s@]{1,200})(@)`)
	bearer   = regexp.MustCompile(`(?i)\b((?:bearer|basic)\s+)([A-Za-z0-9+/=._~-]{16,})`)
	// A secret access key is 40 characters of base64.
	fortyLong = regexp.MustCompile(`[A-Za-z0-9/+]{40,}`)
)

// Mask takes out of a text what looks like a secret: for what is told outside of a report.
func Mask(s string) string { return mask(s) }

// mask takes out of a text what looks like a secret.
func mask(s string) string {
	if len(s) < 12 {
		return s
	}
	// What an expression cannot do without is looked for first: most texts have none of it.
	if strings.ContainsAny(s, `"'`) && strings.ContainsAny(s, ":=") {
		s = named.ReplaceAllStringFunc(s, func(t string) string {
			part := named.FindStringSubmatch(t)
			if accessKeyID.MatchString(part[2]) || part[2] == Masked {
				return t
			}
			return part[1] + Masked + part[3]
		})
	}
	if slices.ContainsFunc(shapes, func(begin string) bool { return strings.Contains(s, begin) }) {
		s = shaped.ReplaceAllString(s, Masked)
	}
	if strings.Contains(s, "://") {
		s = userinfo.ReplaceAllString(s, "${1}"+Masked+"${3}")
	}
	if strings.ContainsAny(s, " \t\n\r\f\v") {
		s = bearer.ReplaceAllString(s, "${1}"+Masked)
	}
	if len(s) < 40 {
		return s
	}
	return fortyLong.ReplaceAllStringFunc(s, func(t string) string {
		if secretKey(t) {
			return Masked
		}
		return t
	})
}

// maskLines masks the lines of a text that stand in a list: a private key goes over several.
func maskLines(lines []string) {
	inside := false
	for i, l := range lines {
		begins, ends := strings.Contains(l, "-----BEGIN ") && strings.Contains(l, "PRIVATE KEY-----"), strings.Contains(l, "-----END ")
		if inside && !ends {
			lines[i] = l[:min(1, len(l))] + Masked // the first character of a line of a difference says what became of it
		} else {
			lines[i] = mask(l)
		}
		inside = (inside || begins) && !ends
	}
}

// secretKey says whether a run of base64 characters has the length and the mixture of a secret
// access key: hashes in hex have no capitals, paths have many slashes, hashes in base64 are longer.
func secretKey(t string) bool {
	if len(t) != 40 || strings.Count(t, "/") > 3 {
		return false
	}
	upper, lower, digit := 0, 0, 0
	for _, c := range t {
		switch {
		case c >= 'A' && c <= 'Z':
			upper++
		case c >= 'a' && c <= 'z':
			lower++
		case c >= '0' && c <= '9':
			digit++
		}
	}
	return upper > 3 && lower > 3 && digit > 0
}

// rewritten is a copy of a value, with every text in it passed through f.
func rewritten[T any](v T, f func(string) string) T {
	return rewrite(reflect.ValueOf(&v).Elem(), f).Interface().(T)
}

func rewrite(v reflect.Value, f func(string) string) reflect.Value {
	out := reflect.New(v.Type()).Elem()
	switch v.Kind() {
	case reflect.String:
		out.SetString(f(v.String()))
	case reflect.Slice:
		if v.IsNil() {
			return v
		}
		out.Set(reflect.MakeSlice(v.Type(), v.Len(), v.Len()))
		for i := range v.Len() {
			out.Index(i).Set(rewrite(v.Index(i), f))
		}
	case reflect.Map:
		if v.IsNil() {
			return v
		}
		out.Set(reflect.MakeMapWithSize(v.Type(), v.Len()))
		for _, k := range v.MapKeys() {
			out.SetMapIndex(rewrite(k, f), rewrite(v.MapIndex(k), f))
		}
	case reflect.Pointer:
		if v.IsNil() {
			return v
		}
		out.Set(reflect.New(v.Type().Elem()))
		out.Elem().Set(rewrite(v.Elem(), f))
	case reflect.Struct:
		if v.Type() == reflect.TypeFor[time.Time]() {
			return v
		}
		for i := range v.NumField() {
			if v.Type().Field(i).IsExported() {
				out.Field(i).Set(rewrite(v.Field(i), f))
			}
		}
	default:
		return v
	}
	return out
}
