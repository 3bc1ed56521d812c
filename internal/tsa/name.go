package tsa

import (
	"bytes"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/asn1"
	"slices"
	"strings"
)

// bears says whether a certificate has the name that a TSTInfo gives its authority, as
// RFC 3161, 2.4.2 demands and OpenSSL checks: the subject, or one of subjectAltName.
func bears(cert *x509.Certificate, general asn1.RawValue) bool {
	const directoryName, oidSubjectAltName = 4, "2.5.29.17"
	if len(general.FullBytes) == 0 {
		return true // no name is given
	}
	if general.Class == asn1.ClassContextSpecific && general.Tag == directoryName && sameName(general.Bytes, cert.RawSubject) {
		return true
	}
	for _, e := range cert.Extensions {
		if e.Id.String() != oidSubjectAltName {
			continue
		}
		for names := newReader(e.Value).sequence(oidSubjectAltName); names.more(); {
			if bytes.Equal(names.any(oidSubjectAltName).FullBytes, general.FullBytes) {
				return true
			}
		}
	}
	return false
}

// sameName compares two Names without regard to the type of strings, to case and to runs of
// spaces: a TSTInfo and a certificate are often written by different software.
func sameName(a, b []byte) bool {
	if bytes.Equal(a, b) {
		return true
	}
	var x, y pkix.RDNSequence
	restX, errX := asn1.Unmarshal(a, &x)
	restY, errY := asn1.Unmarshal(b, &y)
	return errX == nil && errY == nil && len(restX)+len(restY) == 0 && slices.EqualFunc(x, y, func(x, y pkix.RelativeDistinguishedNameSET) bool {
		return slices.EqualFunc(x, y, func(x, y pkix.AttributeTypeAndValue) bool {
			v, okX := x.Value.(string)
			w, okY := y.Value.(string)
			return x.Type.Equal(y.Type) && okX && okY && folded(v) == folded(w)
		})
	})
}

func folded(s string) string {
	return strings.ToLower(strings.Join(strings.Fields(s), " "))
}
