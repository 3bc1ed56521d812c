package evidence

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"time"

	"filippo.io/age"

	"github.com/freezeframe-ir/freezeframe/internal/durable"
)

// errNoHome: neither recipients nor a place for an identity were given.
var errNoHome = errors.New("no age recipient, and no folder to keep a new identity in")

func identityPath(home, caseID string) string {
	return filepath.Join(home, "identities", caseID+".txt")
}

// makeIdentity makes an age X25519 identity in the form of age-keygen: its path and recipient.
func makeIdentity(home, caseID string, now time.Time) (path, recipient string, err error) {
	if home == "" {
		return "", "", errNoHome
	}
	id, err := age.GenerateX25519Identity()
	if err != nil {
		return "", "", fmt.Errorf("make age identity: %w", err)
	}
	path = identityPath(home, caseID)
	if err := durable.MakeDir(filepath.Dir(path), 0o700); err != nil {
		return "", "", fmt.Errorf("make folder for the age identity: %w", err)
	}
	text := fmt.Sprintf("# freezeframe case %s\n# created: %s\n# public key: %s\n%s\n",
		caseID, now.UTC().Format(time.RFC3339), id.Recipient(), id)
	if err := durable.WriteNew(path, []byte(text), 0o600); err != nil {
		return "", "", fmt.Errorf("write age identity %s: %w", path, err)
	}
	return path, id.Recipient().String(), nil
}

// IdentityPath is where this user keeps the identity that was made for a case; "" if there is none.
func IdentityPath(home, caseID string) string { return findIdentity(home, caseID) }

// findIdentity is the path of the identity made for a case, "" if there is none.
func findIdentity(home, caseID string) string {
	if home == "" {
		return ""
	}
	path := identityPath(home, caseID)
	if _, err := os.Stat(path); err != nil {
		return ""
	}
	return path
}
