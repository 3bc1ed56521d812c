package ui

import (
	"errors"
	"syscall"

	"github.com/freezeframe-ir/freezeframe/collect"
	"github.com/freezeframe-ir/freezeframe/contain"
	"github.com/freezeframe-ir/freezeframe/internal/awsapi"
	"github.com/freezeframe-ir/freezeframe/internal/evidence"
	"github.com/freezeframe-ir/freezeframe/internal/finding"
	"github.com/freezeframe-ir/freezeframe/internal/kmssign"
	"github.com/freezeframe-ir/freezeframe/internal/vault"
	"github.com/freezeframe-ir/freezeframe/internal/vault/archive"
	"github.com/freezeframe-ir/freezeframe/playbooks"
	"github.com/freezeframe-ir/freezeframe/playbooks/tabletop"
	"github.com/freezeframe-ir/freezeframe/timeline"
)

// hint tells how the process ends for one cause, and what to run next.
type hint struct {
	is   func(error) bool
	code int
	hint string
}

func cause(sentinel error) func(error) bool {
	return func(err error) bool { return errors.Is(err, sentinel) }
}

func isInvalid(err error) bool { _, ok := errors.AsType[*playbooks.InvalidError](err); return ok }

// hints is the one table of causes. The first that fits wins.
func hints() []hint {
	return []hint{
		{awsapi.IsRefused, ExitRefused, ""},
		{cause(contain.ErrSessionsLive), ExitRefused, "the same command with --accept-risk WHY, if that is meant"},
		{cause(contain.ErrNoReason), ExitRefused, "the same command with --reason WHY"},
		{cause(contain.ErrBadPlan), ExitRefused, "freezeframe contain plan --function NAME --out NEW.json"},
		{cause(contain.ErrPlanChanged), ExitRefused, "freezeframe contain plan --function NAME --out NEW.json"},
		{cause(contain.ErrDrifted), ExitRefused, "freezeframe contain status, then the same command again; with --force-over-drift, if what changed since may be overwritten"},
		{cause(contain.ErrStale), ExitRefused, "freezeframe contain plan --function NAME --out NEW.json"},
		{cause(contain.ErrOtherAccount), ExitRefused, "add --profile, --region, --role-arn or --endpoint-url of the plan's account"},
		{cause(vault.ErrGone), ExitUsage, "freezeframe case open DIR --title T --authority A --operator O"},
		{cause(vault.ErrFull), ExitError, "free some space and run the same command again; freezeframe verify CASE says what is whole"},
		{cause(evidence.ErrNotSigned), ExitIncomplete, "freezeframe case seal"},
		{cause(evidence.ErrPassphrase), ExitUsage, "export FREEZEFRAME_KEY_PASSPHRASE=..., and run the same command again"},
		{cause(evidence.ErrKey), ExitUsage, "openssl genpkey -algorithm EC -pkeyopt ec_paramgen_curve:P-256 -out key.pem"},
		{cause(kmssign.ErrKey), ExitUsage, "aws kms create-key --key-spec ECC_NIST_P256 --key-usage SIGN_VERIFY"},
		{cause(archive.ErrReadOnly), ExitUsage, "freezeframe case import FILE.tar.zst DIR --reason WHY"},
		{cause(archive.ErrArchive), ExitDamaged, "get the file once more from where it came, and compare its sha256"},
		{cause(evidence.ErrRecipient), ExitUsage, "age-keygen, and --recipient age1... (or --recipient \"$(cat ~/.ssh/id_ed25519.pub)\")"},
		{cause(evidence.ErrNoItem), ExitUsage, "freezeframe case list --items"},
		{cause(evidence.ErrNothingToResume), ExitUsage, "freezeframe collect --function NAME"},
		{cause(collect.ErrOther), ExitUsage, "the same command with the --profile, --role-arn or --endpoint-url that it was begun with"},
		{cause(evidence.ErrCaseExists), ExitUsage, "export FREEZEFRAME_CASE=DIR, or choose another folder"},
		{cause(evidence.ErrNotEmpty), ExitUsage, "choose an empty folder: freezeframe case open ANOTHER ..."},
		{cause(timeline.ErrNoFunction), ExitUsage, "freezeframe timeline story --function NAME"},
		{cause(finding.ErrFile), ExitUsage, "freezeframe timeline lineage --findings FILE"},
		{contain.Refused, ExitRefused, "freezeframe contain status"},
		{cause(contain.ErrUnknownAct), ExitUsage, "freezeframe contain plan --help"},
		{cause(collect.ErrNoFunction), ExitUsage, "aws lambda list-functions --query 'Functions[].FunctionName'"},
		{cause(collect.ErrBadFunction), ExitUsage, "freezeframe collect --help"},
		{cause(collect.ErrElsewhere), ExitUsage, "add --assume-role 'arn:aws:iam::{account}:role/NAME', or --profile or --role-arn for that account"},
		{cause(timeline.ErrFormat), ExitUsage, "freezeframe timeline build --help"},
		{cause(timeline.ErrFilter), ExitUsage, "freezeframe timeline build --help"},
		{cause(timeline.ErrView), ExitUsage, "freezeframe timeline build --help"},
		{cause(timeline.ErrPath), ExitUsage, "freezeframe timeline build --help"},
		{cause(timeline.ErrNoInput), ExitUsage, "freezeframe collect --function NAME"},
		{cause(playbooks.ErrUnknown), ExitUsage, "freezeframe playbook list"},
		{cause(playbooks.ErrInput), ExitUsage, "freezeframe playbook show NAME"},
		{isInvalid, ExitUsage, "freezeframe playbook lint FILE"},
		{cause(tabletop.ErrUnknown), ExitUsage, "freezeframe tabletop list"},
		{cause(evidence.ErrDamaged), ExitDamaged, "freezeframe verify CASE"},
		{cause(awsapi.ErrNoRegion), ExitUsage, "export AWS_REGION=us-east-1, or add --region"},
		{cause(awsapi.ErrExpired), ExitError, "aws sso login, or renew the credentials, and run the same command again"},
		{cause(awsapi.ErrNoCredentials), ExitError, "aws configure list"},
		{cause(awsapi.ErrUnreachable), ExitError, "check --endpoint-url, AWS_ENDPOINT_URL and the network, and run the same command again"},
		{cause(evidence.ErrNotCase), ExitUsage, "freezeframe case open DIR --title T --authority A --operator O"},
		{cause(syscall.ENOSPC), ExitError, "free some space and run the same command again; freezeframe verify CASE says what is whole"},
	}
}
