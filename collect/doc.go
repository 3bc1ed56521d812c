// Package collect reads evidence from AWS and puts it into a case. It changes
// nothing in the account: every call is declared, and the client refuses the rest.
//
// To add an artefact: one file with a Collector value, one line in catalogue.go.
//
// What is wanted and not had becomes a gap of exactly that artefact; the rest goes
// on. Calls overlap; what one collector learns and others need (versions, aliases,
// the role) passes through facts, each with one owner: see facts.go.
//
// # What lies in a bag
//
// Coverage entries are identified by Artefact, Source.ARN and Source.Qualifier.
// FUNCTION is the unqualified function ARN; Source.Account is always set,
// Source.Region everywhere but for IAM, which has none. JSON documents are what the AWS CLI prints for the call (member
// names of the API, times RFC 3339, blobs base64, no nulls), pages of a listing
// merged into one list. "small" are the artefacts of Scope "containment".
//
//	artefact                        source ARN      qualifier                shape
//	lambda.concurrency       small  FUNCTION                                 {"ReservedConcurrentExecutions":5}; {} is unset, which is not 0
//	lambda.provisioned       small  FUNCTION                                 {"ProvisionedConcurrencyConfigs":[...]}
//	lambda.mappings          small  FUNCTION                                 {"EventSourceMappings":[...]}: of the function and all its versions and aliases, each as Get returns it (as listed, where Get failed)
//	lambda.mappings.detail   small  mapping ARN                              only ever a gap: Get of that mapping failed
//	lambda.mappings.sweep    small  FUNCTION                                 only ever a gap: the account-wide listing failed, mappings of versions or aliases may be missing
//	lambda.invoke-config     small  FUNCTION                                 {"FunctionEventInvokeConfigs":[...]}: all qualifiers
//	lambda.urls              small  FUNCTION                                 {"FunctionUrlConfigs":[...]}: unqualified and aliases
//	lambda.policy            small  FUNCTION        "", alias, version       {"Policy":"JSON text","RevisionId":"..."}; state absent: there is none
//	lambda.policy.resource   small  FUNCTION        "", alias, version       the same by GetResourcePolicy, which also shows what PutResourcePolicy wrote
//	lambda.aliases           small  FUNCTION                                 {"Aliases":[...]}
//	lambda.configuration     small  FUNCTION        $LATEST, version         GetFunction: {"Configuration":{...},"Code":{...},"Tags":{...},"Concurrency":{...}}; Scope containment: $LATEST only
//	lambda.configuration.versions
//	                         small  FUNCTION                                 {"Versions":[...]}: $LATEST and all published ones, without State* and LastUpdate*
//	iam.role                 small  role ARN                                 GetRole: {"Role":{...}}, AssumeRolePolicyDocument as JSON
//	iam.role.inline          small  role ARN                                 {"PolicyNames":[...]}
//	iam.role.inline.document small  role ARN        policy name              GetRolePolicy: {"RoleName","PolicyName","PolicyDocument":{...}}
//	iam.role.attached        small  role ARN                                 {"AttachedPolicies":[{"PolicyName","PolicyArn"}]}
//	iam.policy               small  policy ARN                               GetPolicy: {"Policy":{...}}: attached ones and the boundary
//	iam.policy.versions      small  policy ARN                               {"Versions":[...]}: without documents
//	iam.policy.document      small  policy ARN      version id (default)     GetPolicyVersion: {"PolicyVersion":{"Document":{...},...}}
//	lambda.runtime                  FUNCTION        $LATEST, version         GetRuntimeManagementConfig
//	lambda.recursion                FUNCTION                                 {"RecursiveLoop":"Terminate"}
//	lambda.signing                  FUNCTION                                 GetFunctionCodeSigningConfig; absent: none
//	lambda.signing.config           config ARN                               GetCodeSigningConfig: {"CodeSigningConfig":{...}}
//	lambda.tags                     FUNCTION                                 {"Tags":{...}}
//	lambda.code                     FUNCTION        $LATEST, version         the deployment package, bytes as AWS serves them; Declared is CodeSha256
//	lambda.environment              FUNCTION        $LATEST, version         sealed {"Variables":{...}}, and its redacted twin (Meta.Twin)
//	lambda.layers                   layer version ARN                        GetLayerVersionByArn; with source FUNCTION and state absent: no version has layers
//	lambda.layers.content           layer version ARN                        the layer's zip; Declared is its CodeSha256
//	lambda.layers.policy            layer version ARN                        {"Policy":"JSON text","RevisionId":"..."}; absent: none
//	events.buses                                                             {"EventBuses":[...]}; Region is where it was asked
//	events.rules                    FUNCTION                                 {"Buses":[...],"TargetArns":[...],"Rules":n}: what was asked for, and how many rules call it; absent: none
//	events.rules.bus                FUNCTION        bus name                 only ever a gap: that bus could not be asked
//	events.rule                     rule ARN                                 DescribeRule
//	events.rule.targets             rule ARN                                 {"Targets":[...]}; sealed with a redacted twin where inputs, templates or headers are given
//	kms.key                         key ARN                                  DescribeKey, of the environment's key; with source FUNCTION and state absent: Lambda's own
//	kms.key.policy                  key ARN                                  {"Policy":"JSON text","PolicyName":"default"}
//	kms.key.grants                  key ARN                                  {"Grants":[...]}
//	kms.key.rotation                key ARN                                  GetKeyRotationStatus
//	s3.notifications                bucket ARN                               GetBucketNotificationConfiguration of buckets that a policy admits; with source FUNCTION: absent, no policy admits S3; not_covered, a grant names no bucket
//	scheduler.schedules             FUNCTION                                 {"Schedules":[...]}: as listed, those that call it; absent: none
//	scheduler.schedule              schedule ARN                             GetSchedule; sealed with a redacted twin where it has an input
//	pipes.pipes                     FUNCTION                                 {"Pipes":[...]}: as listed, whose target or enrichment it is; absent: none
//	pipes.pipe                      pipe ARN                                 DescribePipe; sealed with a redacted twin where it has templates
//	sns.subscriptions               FUNCTION                                 {"Subscriptions":[...]}: of this account and region; absent: none
//	sns.subscription                subscription ARN                         {"Attributes":{...}}
//	sns.topic                       topic ARN                                {"Attributes":{...}}: of topics that call it, or that its results and failures go to; with source FUNCTION and qualifier "*": there may be more
//	sns.topic.subscriptions         topic ARN                                {"Subscriptions":[...]}: who else listens
//	sqs.queue                       queue ARN                                {"Attributes":{...}}: of queues it reads from, of dead-letter queues and destinations; with source FUNCTION and state absent: none
//	logs.callers                    FUNCTION                                 absent: no policy admits CloudWatch Logs; not_covered: a grant names no log group
//	logs.caller.subscriptions       log group ARN                            {"subscriptionFilters":[...]}: of log groups that a policy admits
//	trigger.unresolved              FUNCTION        service                  only ever a gap: a policy admits that service, and nothing here can say what of it calls; without qualifier absent: there is none
//	autoscaling.targets             FUNCTION                                 {"ScalableTargets":[...]}; absent: none
//	autoscaling.actions             FUNCTION                                 {"ScheduledActions":[...]}; absent: none
//	autoscaling.policies            FUNCTION                                 {"ScalingPolicies":[...]}; absent: none
//	secrets.references              FUNCTION                                 {"References":[{"Arn","Where":[...]}]}: secrets and parameters named by ARN; absent: none
//	secretsmanager.secret           secret ARN, or pattern                   DescribeSecret: never its value
//	secretsmanager.secret.policy    secret ARN, or pattern                   {"ResourcePolicy":"JSON text"}
//	ssm.parameter                   parameter ARN, or pattern                {"Parameters":[...]}: DescribeParameters: never their values
//	cloudtrail.trails                                                        {"trailList":[...]}: that record the region, those of other regions and of the organization too; Region is where it was asked
//	cloudtrail.trails.status        trail ARN                                GetTrailStatus; absent: the organization's trail, which its own account tells about
//	cloudtrail.trails.selectors     trail ARN                                GetEventSelectors; absent likewise
//	cloudtrail.lookup               FUNCTION        "ResourceName=payments"  NDJSON, one page of LookupEvents a line: {"Events":[...]}; Region is where it was asked; Params: AttributeKey, AttributeValue, StartTime, EndTime
//	cloudtrail.lookup                               "EventSource=lambda.amazonaws.com"
//	                                                                         the same, once per account and region, whatever the number of functions
//	cloudtrail.lookup               role ARN        "AccessKeyId=ASIA..."    the same, by keys of the role's sessions
//	cloudtrail.bucket               bucket ARN                               HeadBucket: {"BucketRegion":...}; this and what follows with --trail-bucket
//	cloudtrail.objects                                                       only ever a gap: the trails' buckets were not asked for (not_covered), or are unknown; absent: no trail
//	cloudtrail.objects              bucket ARN      key prefix               {"Contents":[...]}: objects as listed, by day of delivery; {"CommonPrefixes":[...]} where the prefix ends in "o-": the organizations; absent: none
//	cloudtrail.log                  object ARN                               a log file as it lies in the bucket, gzip; Params: Bucket, Key, ETag, VersionId, LastModified, Checksum*, x-amz-meta-*
//	cloudtrail.digest               object ARN                               a digest likewise; its signature is Params x-amz-meta-signature
//	guardduty.detectors                                                      {"DetectorIds":[...]}: of the region; absent: GuardDuty is off
//	guardduty.detector              detector ARN                             GetDetector: which features are on (LAMBDA_NETWORK_LOGS)
//	guardduty.findings              FUNCTION                                 {"Findings":[...]}: archived ones too; Params: the criterion; absent: none
//	guardduty.findings              role ARN                                 the same of the role's keys
//	accessanalyzer.analyzers                                                 {"analyzers":[...]}: of the region; absent: none
//	accessanalyzer.findings         FUNCTION        analyzer name            {"findings":[...]}: each as GetFindingV2 returns it; versions and aliases too; absent: none
//	accessanalyzer.findings         role ARN        analyzer name            the same of the role
//	inspector2.status                                                        BatchGetAccountStatus: what Inspector scans in the region
//	inspector2.findings             FUNCTION                                 {"findings":[...]}: of any version; absent: none
//	config.recorders                                                         DescribeConfigurationRecorders of the region: {"ConfigurationRecorders":[]} is none
//	config.recorders.status                                                  DescribeConfigurationRecorderStatus: whether they record
//	config.history                  FUNCTION                                 {"configurationItems":[...]}: of the window, newest first; sealed with a redacted twin where they hold an environment; absent: none
//	config.history                  role ARN                                 {"resourceIds":[...]}: under which Config knows roles of that name; absent: none
//	config.history                  role ARN        role id                  the same as of the function
//	config.history.rest             as above                                 only ever a gap: sealed items were cut short
//	cloudwatch.alarms               FUNCTION                                 {"Alarms":[...]}: metric alarms on it, and composite alarms that name one of them; absent: none
//	xray.summaries                  FUNCTION                                 {"TraceSummaries":[...]}: of the window, 30 days at most; Params: StartTime, EndTime, FilterExpression; absent: none
//	xray.traces                     FUNCTION                                 NDJSON, one trace a line, with all segments; the newest 1000
//	xray.encryption                 FUNCTION                                 GetEncryptionConfig; absent: no traces
//	cloudwatch.metrics              FUNCTION        "300s", "3600s"          {"MetricDataResults":[...]}: by metric and statistic, newest first; hours only for what is older than 63 days; absent: no data
//	logs.group                      log group ARN                            {"logGroups":[...]}: the one group, with class and retention
//	logs.group.subscriptions        log group ARN                            {"subscriptionFilters":[...]}
//	logs.streams                    log group ARN                            {"logStreams":[...]}: every stream as DescribeLogStreams has it, by name; of the groups of all versions, and Lambda's default; absent: none
//	logs.events                     log group ARN   stream name              NDJSON compressed with zstd, one event a line: {"eventId","ingestionTime","logStreamName","message","timestamp"}, times epoch ms; Params: startTime, endTime, logStreams (how many); absent: no events in the window
//	logs.events                     log group ARN   "FIRST:LAST"             the same of the streams from one name to another, where the group has more than 512
//	logs.events                     log group ARN   ":quiet"                 the same of streams that were last written to before the window, as far as AWS says
//	logs.events                     log group ARN                            the same of the group as a whole: logs.streams is not whole, or the group's class is not STANDARD; of class INFREQUENT_ACCESS by Logs Insights, with "@ptr" in place of "eventId"
//
// Qualifier "*" is only ever a gap: the versions or aliases (or keys) that may
// exist beyond those named, because their listing failed. iam.policy.document has
// the qualifier "default" where not even its version could be had.
//
// An artefact that was cut short (a page failed, a cap was met) is stored as far
// as it came: the coverage has the item in state truncated, and a gap in the same
// state, artefact and source that says why it ends.
//
// Wherever a configuration appears, the values of its environment are replaced
// by "[sealed:...]", and presigned URLs lose their query.
package collect
