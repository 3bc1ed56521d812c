package digest

import (
	"regexp"
	"strings"
	"time"
)

// Name is what the key of a digest or log file says.
type Name struct {
	Digest       bool
	Backfill     bool   // a digest that was made later than its hour
	Organization string // "" for an account's own trail
	Account      string
	Region       string
	Day          string    // the folder: "2026/11/20"
	Trail, Home  string    // of a digest: the trail's name and home region
	Stamp        time.Time // of a digest its end, of a log file the minute it was made
}

// Source: CloudTrail user guide, "CloudTrail log file name format" and "Digest file location".
var (
	digestKey = regexp.MustCompile(`^AWSLogs/(?:(o-[a-z0-9]{10,32})/)?(\d{12})/CloudTrail-Digest/([a-z0-9-]+)/(\d{4}/\d\d/\d\d)/(\d{12})_CloudTrail-Digest_([a-z0-9-]+)_([A-Za-z0-9._-]+)_([a-z0-9-]+)_(\d{8}T\d{6}Z)(_backfill)?\.json\.gz$`)
	logKey    = regexp.MustCompile(`^AWSLogs/(?:(o-[a-z0-9]{10,32})/)?(\d{12})/CloudTrail/([a-z0-9-]+)/(\d{4}/\d\d/\d\d)/(\d{12})_CloudTrail_([a-z0-9-]+)_(\d{8}T\d{4}Z)_[A-Za-z0-9]+\.json\.gz$`)
)

const root = "AWSLogs/"

// tail is a key without the trail's prefix: from the last folder "AWSLogs" on.
func tail(key string) string {
	if i := strings.LastIndex("/"+key, "/"+root); i >= 0 {
		return key[i:]
	}
	return key
}

// ParseName reads the key of a digest or log file; false: it is named like neither.
func ParseName(key string) (Name, bool) {
	key = tail(key)
	if m := digestKey.FindStringSubmatch(key); m != nil {
		at, err := time.Parse("20060102T150405Z", m[9])
		return Name{Digest: true, Backfill: m[10] != "", Organization: m[1], Account: m[2], Region: m[3], Day: m[4], Trail: m[7], Home: m[8], Stamp: at},
			err == nil && m[2] == m[5] && m[3] == m[6]
	}
	m := logKey.FindStringSubmatch(key)
	if m == nil {
		return Name{}, false
	}
	at, err := time.Parse("20060102T1504Z", m[7])
	return Name{Organization: m[1], Account: m[2], Region: m[3], Day: m[4], Stamp: at}, err == nil && m[2] == m[5] && m[3] == m[6]
}

// folder says whether a key lies among digests or log files, whatever its own name is.
func folder(key string) (digests, logs bool) {
	key = tail(key)
	return strings.Contains(key, "/CloudTrail-Digest/"), strings.Contains(key, "/CloudTrail/")
}
