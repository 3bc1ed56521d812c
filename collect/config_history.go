package collect

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/configservice"
	configtypes "github.com/aws/aws-sdk-go-v2/service/configservice/types"
	"github.com/aws/smithy-go"

	"github.com/freezeframe-ir/freezeframe/internal/awsapi"
	"github.com/freezeframe-ir/freezeframe/internal/evidence"
)

const (
	maxConfigItems = 2_000
	maxRoleIDs     = 100 // roles of one name that were deleted and made again
	historyCall    = "ConfigService:GetResourceConfigHistory"
)

// configHistory is what AWS Config recorded of the function and its role: what was there
// before a change, also where the change is not in CloudTrail. A role is recorded under its
// unique id, so that one that was deleted and made again has two histories.
func configHistory() Collector {
	return Collector{
		Name: "config.history", About: "AWS Config: recorders, and the recorded states of the function and its role in the window",
		Needs: []awsapi.Need{
			need("ConfigService:DescribeConfigurationRecorders", "config:DescribeConfigurationRecorders", "*"),
			need("ConfigService:DescribeConfigurationRecorderStatus", "config:DescribeConfigurationRecorderStatus", "*"),
			need(historyCall, "config:GetResourceConfigHistory", "*"),
			need("ConfigService:ListDiscoveredResources", "config:ListDiscoveredResources", "*"),
		},
		Collect: collectConfigHistory,
	}
}

func collectConfigHistory(ctx context.Context, j *Job) {
	w := j.want("config.history", "", historyCall)
	j.plan(w)
	c := configservice.NewFromConfig(j.config(j.Target.Region))
	role := j.roleOf(ctx)
	both(
		func() { j.recorders(ctx, c) },
		func() { j.historyOf(ctx, c, w, configtypes.ResourceTypeFunction, j.Target.Function) },
		func() {
			switch {
			case role == "":
				j.skip(j.want("config.history", "role", historyCall), "the role is unknown: lambda.configuration is missing")
			case j.run.claim("config history of " + role + " in " + j.Target.Region):
				j.roleHistory(ctx, c, role)
			}
		})
}

// recorders are the region's, once for all targets.
func (j *Job) recorders(ctx context.Context, c *configservice.Client) {
	region := j.Target.Region
	if !j.run.claim("config recorders of " + region) {
		return
	}
	w, status := j.of("config.recorders", "", "", region, "ConfigService:DescribeConfigurationRecorders"), j.of("config.recorders.status", "", "", region, "ConfigService:DescribeConfigurationRecorderStatus")
	w.name, status.name = "config."+region+".recorders.json", "config."+region+".recorders.status.json"
	j.plan(w, status)
	both(
		func() {
			fetchUnless(ctx, j, w, c.DescribeConfigurationRecorders, &configservice.DescribeConfigurationRecordersInput{}, func(o *configservice.DescribeConfigurationRecordersOutput) string {
				return noneOf(len(o.ConfigurationRecorders), "AWS Config has no recorder in this region")
			})
		},
		func() {
			fetchUnless(ctx, j, status, c.DescribeConfigurationRecorderStatus, &configservice.DescribeConfigurationRecorderStatusInput{}, func(o *configservice.DescribeConfigurationRecorderStatusOutput) string {
				return noneOf(len(o.ConfigurationRecordersStatus), "AWS Config has no recorder in this region")
			})
		})
}

// unrecorded says whether Config answers that it has nothing, and in which words.
func unrecorded(err error) (string, bool) {
	api, ok := errors.AsType[smithy.APIError](err)
	switch {
	case ok && api.ErrorCode() == "ResourceNotDiscoveredException":
		return "AWS Config has not recorded it in this region", true
	case ok && api.ErrorCode() == "NoAvailableConfigurationRecorderException":
		return "AWS Config has no recorder in this region", true
	}
	return "", false
}

// roleHistory finds the ids under which Config knows roles of that name, deleted ones too.
func (j *Job) roleHistory(ctx context.Context, c *configservice.Client, role string) {
	w := j.of("config.history", role, "", j.Target.Region, "ConfigService:ListDiscoveredResources")
	known, had := recall[roleIDs](ctx, j, w)
	if !had {
		known = j.roleIDs(ctx, c, w, roleName(role))
	}
	if known == nil {
		return
	}
	each(known.ResourceIDs, callsAtOnce, func(id string) {
		j.historyOf(ctx, c, j.of("config.history", role, id, j.Target.Region, historyCall), configtypes.ResourceTypeRole, id)
	})
}

// roleIDs is the document of a look-up.
type roleIDs struct {
	ResourceIDs []string `json:"resourceIds"`
}

// roleIDs asks for the ids and stores them; nil if there are none.
func (j *Job) roleIDs(ctx context.Context, c *configservice.Client, w want, name string) *roleIDs {
	j.plan(w)
	in := &configservice.ListDiscoveredResourcesInput{ResourceType: configtypes.ResourceTypeRole, ResourceName: &name, IncludeDeletedResources: true}
	first, s, err := ask(ctx, j, c.ListDiscoveredResources, in)
	ids := []string{}
	if err == nil {
		err = pager[configservice.ListDiscoveredResourcesInput, configservice.ListDiscoveredResourcesOutput, configservice.Options]{
			call: c.ListDiscoveredResources, in: in,
			next: func(in *configservice.ListDiscoveredResourcesInput, out *configservice.ListDiscoveredResourcesOutput) string {
				in.NextToken = out.NextToken
				return aws.ToString(in.NextToken)
			},
		}.each(ctx, j, first, func(o *configservice.ListDiscoveredResourcesOutput) error {
			for _, r := range o.ResourceIdentifiers {
				if len(ids) == maxRoleIDs {
					return tooMany(maxRoleIDs)
				}
				ids = addOnce(ids, aws.ToString(r.ResourceId))
			}
			return nil
		})
	}
	note, none := unrecorded(err)
	switch {
	case none:
		j.none(w, s, note)
		return nil
	case err != nil && len(ids) == 0:
		j.refused(w, s, err)
		return nil
	case len(ids) == 0:
		j.none(w, s, "AWS Config has not recorded it in this region: IAM is often recorded in one region only")
		return nil
	}
	j.putList(ctx, w, s, "resourceIds", ids, err)
	return &roleIDs{ids}
}

// historyOf stores the items of the window, newest first. A page may be empty and have a
// successor: Config answers a week at a time.
func (j *Job) historyOf(ctx context.Context, c *configservice.Client, w want, kind configtypes.ResourceType, id string) {
	if j.have(w) {
		return
	}
	j.plan(w)
	w.params = map[string]string{"resourceType": string(kind), "resourceId": id, "earlierTime": j.run.since.Format(time.RFC3339), "laterTime": j.run.until.Format(time.RFC3339)}
	in := &configservice.GetResourceConfigHistoryInput{ResourceType: kind, ResourceId: &id, EarlierTime: &j.run.since, LaterTime: &j.run.until, Limit: 100}
	first, s, err := ask(ctx, j, c.GetResourceConfigHistory, in)
	if note, none := unrecorded(err); none {
		j.none(w, s, note)
		return
	}
	if err != nil {
		j.refused(w, s, err)
		return
	}
	var all []configtypes.ConfigurationItem
	cut := pager[configservice.GetResourceConfigHistoryInput, configservice.GetResourceConfigHistoryOutput, configservice.Options]{
		call: c.GetResourceConfigHistory, in: in,
		next: func(in *configservice.GetResourceConfigHistoryInput, out *configservice.GetResourceConfigHistoryOutput) string {
			in.NextToken = out.NextToken
			return aws.ToString(in.NextToken)
		},
	}.each(ctx, j, first, func(o *configservice.GetResourceConfigHistoryOutput) error {
		if len(all)+len(o.ConfigurationItems) > maxConfigItems {
			return tooMany(maxConfigItems)
		}
		all = append(all, o.ConfigurationItems...)
		return nil
	})
	switch {
	case len(all) == 0 && cut != nil:
		j.refused(w, s, cut)
	case len(all) == 0:
		j.none(w, s, "AWS Config recorded no change of it in the window")
	default:
		j.putItems(ctx, w, s, all, cut)
	}
}

// putItems seals the items beside a twin without the environment's values, if there are any.
func (j *Job) putItems(ctx context.Context, w want, s stamp, all []configtypes.ConfigurationItem, cut error) {
	bare, found := make([]configtypes.ConfigurationItem, len(all)), false
	stand := func(v string) string { found = true; return j.run.enc.redact(v) }
	for i, it := range all {
		it.Configuration = withoutEnvironment(it.Configuration, stand)
		more := map[string]string{}
		for name, text := range it.SupplementaryConfiguration {
			more[name] = *withoutEnvironment(&text, stand)
		}
		if it.SupplementaryConfiguration != nil {
			it.SupplementaryConfiguration = more
		}
		bare[i] = it
	}
	if !found {
		j.putList(ctx, w, s, "configurationItems", all, cut)
		return
	}
	secret, err := j.run.enc.document(map[string]any{"configurationItems": all})
	twin, bad := j.run.enc.document(map[string]any{"configurationItems": bare})
	if errors.Join(err, bad) != nil {
		j.gap(w, s, evidence.Unreadable, "the items cannot be encoded", w.note)
		return
	}
	j.putSecret(ctx, w, s, secret, twin)
	if cut != nil { // what is sealed cannot say itself that it was cut
		rest := w
		rest.artefact = "config.history.rest"
		_, text := classify(cut)
		j.gap(rest, s, evidence.Truncated, text, "config.history has the newest items only")
	}
}

// withoutEnvironment replaces the values of environments in the JSON text of a recorded
// configuration. What is no JSON is replaced whole if it may hold one.
func withoutEnvironment(text *string, stand func(string) string) *string {
	if text == nil || *text == "" {
		return text
	}
	dec := json.NewDecoder(bytes.NewReader([]byte(*text)))
	dec.UseNumber()
	var tree any
	if err := dec.Decode(&tree); err != nil {
		if bytes.Contains(bytes.ToLower([]byte(*text)), []byte("environment")) {
			return aws.String(stand(*text))
		}
		return text
	}
	found := false
	tree = redact(tree, []string{"environment", "Environment", "variables", "Variables"}, false, func(v string) string { found = true; return stand(v) })
	if !found {
		return text
	}
	var out bytes.Buffer
	enc := json.NewEncoder(&out)
	enc.SetEscapeHTML(false)
	if err := enc.Encode(tree); err != nil {
		return aws.String(stand(*text))
	}
	return aws.String(string(bytes.TrimSpace(out.Bytes())))
}
