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
//	lambda.durable                  FUNCTION        $LATEST, version         {"DurableExecutions":[...]}: as listed, those that run first, then the newest; without qualifier absent: no version has a DurableConfig
//	lambda.durable.execution        execution ARN                            GetDurableExecution, with input, result and error; sealed with a redacted twin where it has them; with source FUNCTION and qualifier "*": more are listed than are read
//	lambda.durable.history          execution ARN                            {"Events":[...]}: with payloads; sealed with a redacted twin where it has them
//	lambda.durable.history.rest     execution ARN                            only ever a gap: later events than those that were sealed
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
//	lambda.scaling           small  FUNCTION        version                  GetFunctionScalingConfig; without qualifier absent: no version runs on managed instances
//	lambda.capacity          small  provider ARN                             {"CapacityProvider":{...}}
//	lambda.capacity.versions small  provider ARN                             {"FunctionVersions":[...]}: of all functions that share it; absent: none
//	lambda.recursion         small  FUNCTION                                 {"RecursiveLoop":"Terminate"}
//	lambda.signing                  FUNCTION                                 GetFunctionCodeSigningConfig; absent: none
//	lambda.signing.config           config ARN                               GetCodeSigningConfig: {"CodeSigningConfig":{...}}
//	lambda.tags                     FUNCTION                                 {"Tags":{...}}
//	lambda.account                                                           {"AccountLimit":{...},"AccountUsage":{...}}: of the region, once for all functions
//	lambda.code                     FUNCTION        $LATEST, version         the deployment package, bytes as AWS serves them, or as they lie in the bucket that keeps them by reference (Params: Bucket, Key, VersionId); Declared is CodeSha256; absent: a container image
//	lambda.environment              FUNCTION        $LATEST, version         sealed {"Variables":{...}}, and its redacted twin (Meta.Twin)
//	lambda.layers                   layer version ARN                        GetLayerVersionByArn; with source FUNCTION and state absent: no version has layers
//	lambda.layers.content           layer version ARN                        the layer's zip, from a bucket likewise; Declared is its CodeSha256
//	lambda.layers.policy            layer version ARN                        {"Policy":"JSON text","RevisionId":"..."}; absent: none
//	ecr.image                       FUNCTION        $LATEST, version         {"ImageUri","ResolvedImageUri","CodeSha256","CodeSha256IsDigest","Architectures"}: what it runs; without qualifier absent: no version is a container image
//	ecr.manifest                    repository ARN  sha256:...               the manifest's bytes as ECR serves them; Declared is its digest; with source FUNCTION and a version: not_covered, no image in ECR. An index too, and of it the image for the function's architecture
//	ecr.config                      repository ARN  sha256:...               the image's configuration; Declared is its digest
//	ecr.layer                       repository ARN  sha256:...               the layer as it was pushed; Declared is its digest; qualifier "* of sha256:...": only ever a gap, which layers that manifest names is unknown
//	ecr.image.details               repository ARN  sha256:...               {"imageDetails":[...]}: tags, when pushed, when pulled
//	ecr.image.findings              repository ARN  sha256:...               DescribeImageScanFindings, pages merged; absent: never scanned
//	ecr.tag                         repository ARN  tag                      {"imageDetails":[...]}: the image that the tag of ImageUri names now; absent: none
//	ecr.repository                  repository ARN                           {"repositories":[...]}: the one
//	ecr.repository.policy           repository ARN                           {"policyText":"JSON text",...}; absent: none
//	ecr.repository.lifecycle        repository ARN                           {"lifecyclePolicyText":"JSON text",...}; absent: none
//	events.buses                                                             {"EventBuses":[...]}; Region is where it was asked
//	events.rules                    FUNCTION                                 {"Buses":[...],"TargetArns":[...],"Rules":{BUS:[...]}}: what was asked for, and which rules call it; absent: none
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
//	apigateway.apis                 FUNCTION                                 {"APIs":[{"ID","Name","Calls":[{"Where","Uri","Stage"}]}]}: REST APIs of this account and region that call it, or that a policy admits; absent: none. With qualifier "*" or an execute-api ARN only ever a gap: APIs of other accounts and regions
//	apigateway.apis.unresolved      FUNCTION        API id                   only ever a gap: a URI hangs on a stage variable that no stage has
//	apigateway.api                  API ARN                                  GetRestApi: with its resource policy, as API Gateway gives it: JSON text with escaped quotes
//	apigateway.resources            API ARN                                  {"items":[...]}: with methods and integrations, of the working copy; sealed with a redacted twin where they have templates or mapped parameters
//	apigateway.authorizers          API ARN                                  {"items":[...]}; absent: none
//	apigateway.stages               API ARN                                  {"item":[...]}: method settings, access logs, web ACL; sealed with a redacted twin where they have variables; absent: none
//	apigateway.validators           API ARN                                  {"items":[...]}: request validators; absent: none
//	apigateway.resources.rest       API ARN                                  only ever a gap: the sealed items were cut short
//	apigatewayv2.apis               FUNCTION                                 the same of HTTP and WebSocket APIs
//	apigatewayv2.apis.unresolved    FUNCTION        API id                   likewise
//	apigatewayv2.api                API ARN                                  GetApi
//	apigatewayv2.routes             API ARN                                  {"Items":[...]}; absent: none
//	apigatewayv2.integrations       API ARN                                  {"Items":[...]}; sealed with a redacted twin where they have templates or parameters
//	apigatewayv2.authorizers        API ARN                                  {"Items":[...]}; absent: none
//	apigatewayv2.stages             API ARN                                  {"Items":[...]}; sealed with a redacted twin where they have variables; absent: none
//	apigatewayv2.integrations.rest, apigatewayv2.stages.rest
//	                                API ARN                                  only ever a gap: the sealed items were cut short
//	elbv2.target-groups             FUNCTION                                 {"TargetGroups":[...]}: as listed, those that have it as their target; absent: none
//	elbv2.targets                   target group ARN                         {"TargetHealthDescriptions":[...]}
//	elbv2.load-balancer             load balancer ARN                        {"LoadBalancers":[...]}: the one
//	elbv2.listeners                 load balancer ARN                        {"Listeners":[...]}; sealed with a redacted twin where they hold a client secret
//	elbv2.rules                     listener ARN                             {"Rules":[...]}: which requests go where; sealed with a redacted twin where headers or queries are compared
//	elbv2.listeners.rest, elbv2.rules.rest
//	                                as above                                 only ever a gap: the sealed items were cut short
//	cloudfront.distributions        FUNCTION                                 {"Distributions":[{"Id","ARN","DomainName","Enabled","Associations":[...]}]}: whose behaviours call it; absent: none
//	cloudfront.distribution         distribution ARN                         GetDistributionConfig; sealed with a redacted twin where origins are told headers
//	sns.subscriptions               FUNCTION                                 {"Subscriptions":[...]}: of this account and region; absent: none
//	sns.subscription                subscription ARN                         {"Attributes":{...}}
//	sns.topic                       topic ARN                                {"Attributes":{...}}: of topics that call it, or that its results and failures go to; with source FUNCTION and qualifier "*": there may be more
//	sns.topic.subscriptions         topic ARN                                {"Subscriptions":[...]}: who else listens
//	sqs.queue                       queue ARN                                {"Attributes":{...}}: of queues it reads from, of dead-letter queues and destinations; with source FUNCTION and state absent: none
//	logs.callers                    FUNCTION                                 absent: no policy admits CloudWatch Logs; not_covered: a grant names no log group
//	logs.caller.subscriptions       log group ARN                            {"subscriptionFilters":[...]}: of log groups that a policy admits
//	trigger.unresolved              FUNCTION        service                  only ever a gap: a policy admits that service, and nothing here can say what of it calls; without qualifier absent: there is none
//	autoscaling.targets      small  FUNCTION                                 {"ScalableTargets":[...]}; absent: none
//	autoscaling.actions      small  FUNCTION                                 {"ScheduledActions":[...]}; absent: none
//	autoscaling.policies     small  FUNCTION                                 {"ScalingPolicies":[...]}; absent: none
//	secrets.references              FUNCTION                                 {"References":[{"Arn","Where":[...]}]}: secrets and parameters named by ARN; absent: none
//	secretsmanager.secret           secret ARN, or pattern                   DescribeSecret: never its value
//	secretsmanager.secret.policy    secret ARN, or pattern                   {"ResourcePolicy":"JSON text"}
//	ssm.parameter                   parameter ARN, or pattern                {"Parameters":[...]}: DescribeParameters: never their values
//	ec2.subnets                     FUNCTION                                 {"Subnets":[...]}: of all versions' VPC configurations; with a subnet's id as qualifier absent: it is gone; absent: no version is in a VPC, as in the rows that follow
//	ec2.security-groups             FUNCTION                                 {"SecurityGroups":[...]}: of all versions, with their rules; qualifier as above
//	ec2.security-groups.referenced  FUNCTION                                 {"SecurityGroups":[...]}: that those rules name; with a group's id as qualifier: gone, or not_covered: another account's
//	ec2.network-acls                FUNCTION                                 {"NetworkAcls":[...]}: of the subnets
//	ec2.route-tables                FUNCTION                                 {"RouteTables":[...]}: of the subnets, and the main ones of the VPCs
//	ec2.endpoints                   FUNCTION                                 {"VpcEndpoints":[...]}: of the VPCs, with their policies
//	ec2.network-interfaces          FUNCTION                                 {"NetworkInterfaces":[...]}: Lambda's, in the subnets and under the groups; functions that have both in common share them
//	ec2.flow-logs                   FUNCTION                                 {"FlowLogs":[...]}: of the VPCs, subnets and interfaces: where records of the traffic are
//	ec2.network                     FUNCTION        "*"                      only ever a gap: versions may be in networks beyond those named
//	efs.mounts                      FUNCTION                                 absent: no version mounts a file system; with a mount's ARN as source not_covered: it is none of EFS
//	efs.access-point                access point ARN                         {"AccessPoints":[...]}: as which user, from which folder on
//	efs.file-system                 file system ARN                          {"FileSystems":[...]}: DescribeFileSystems
//	efs.file-system.policy          file system ARN                          {"FileSystemId","Policy":"JSON text"}; absent: none
//	efs.file-system.backup          file system ARN                          {"BackupPolicy":{...}}; absent: none
//	efs.mount-targets               file system ARN                          {"MountTargets":[...]}; absent: none
//	efs.mount-target.groups         file system ARN mount target id          {"SecurityGroups":[...]}
//	efs.content                     access point ARN                         only ever not_covered: files are read over NFS only
//	cloudtrail.trails                                                        {"trailList":[...]}: that record the region, those of other regions and of the organization too; Region is where it was asked
//	cloudtrail.trails.status        trail ARN                                GetTrailStatus; absent: the organization's trail, which its own account tells about
//	cloudtrail.trails.selectors     trail ARN                                GetEventSelectors; absent likewise
//	cloudtrail.lookup               FUNCTION        "ResourceName=payments"  NDJSON, one page of LookupEvents a line: {"Events":[...]}; Region is where it was asked; Params: AttributeKey, AttributeValue, StartTime, EndTime
//	cloudtrail.lookup                               "EventSource=lambda.amazonaws.com"
//	                                                                         the same, once per account and region, whatever the number of functions
//	cloudtrail.lookup               role ARN        "ResourceName=arn:..."   the same, by the roles in whose sessions the function was changed, and of who assumed those
//	cloudtrail.lookup               role ARN        "AccessKeyId=ASIA..."    the same, by keys of the role's sessions
//	cloudtrail.bucket               bucket ARN                               HeadBucket: {"BucketRegion":...}; this and what follows with --trail-bucket
//	cloudtrail.objects                                                       only ever a gap: the trails' buckets were not asked for (not_covered), or are unknown; absent: no trail
//	cloudtrail.objects              bucket ARN      key prefix               {"Contents":[...]}: objects as listed, by day of delivery; {"CommonPrefixes":[...]} where the prefix ends in "o-": the organizations; absent: none
//	cloudtrail.log                  object ARN                               a log file as it lies in the bucket, gzip; Params: Bucket, Key, ETag, VersionId, LastModified, Checksum*, x-amz-meta-*
//	cloudtrail.keys                                                          {"PublicKeyList":[...]}: of the window, of each region that digests were listed of; absent: none
//	cloudtrail.digest               object ARN                               a digest likewise; its signature is Params x-amz-meta-signature
//	cloudtrail.lookup                               "AccessKeyId=ASIA..."    the same, by keys that an expansion follows
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
//	iam.last-accessed               role ARN                                 GetServiceLastAccessedDetails: every service that the role's policies open, and when and where the role last tried it, by action; up to four hours late
//	cloudwatch.alarms               FUNCTION                                 {"Alarms":[...]}: metric alarms on it, and composite alarms that name one of them; absent: none
//	xray.summaries                  FUNCTION                                 {"TraceSummaries":[...]}: of the window, 30 days at most; Params: StartTime, EndTime, FilterExpression; absent: none
//	xray.traces                     FUNCTION                                 NDJSON, one trace a line, with all segments; the newest 1000
//	xray.encryption                 FUNCTION                                 GetEncryptionConfig; absent: no traces
//	cloudwatch.metrics              FUNCTION        "300s", "3600s"          {"MetricDataResults":[...]}: by metric and statistic, newest first; hours only for what is older than 63 days; absent: no data
//	logs.group                      log group ARN                            {"logGroups":[...]}: the one group, with class and retention; of a function of CloudFront in every region that accounts have from the start, and in those asked for
//	logs.group.subscriptions        log group ARN                            {"subscriptionFilters":[...]}
//	logs.streams                    log group ARN                            {"logStreams":[...]}: every stream as DescribeLogStreams has it, by name; of the groups of all versions, and Lambda's default; absent: none
//	logs.events                     log group ARN   stream name              NDJSON compressed with zstd, one event a line: {"eventId","ingestionTime","logStreamName","message","timestamp"}, times epoch ms; Params: startTime, endTime, logStreams (how many); absent: no events in the window
//	logs.events                     log group ARN   "FIRST:LAST"             the same of the streams from one name to another, where the group has more than 512
//	logs.events                     log group ARN   ":quiet"                 the same of streams that were last written to before the window, as far as AWS says
//	logs.events                     log group ARN                            the same of the group as a whole: logs.streams is not whole, or the group's class is not STANDARD; of class INFREQUENT_ACCESS by Logs Insights, with "@ptr" in place of "eventId"
//	logs.events                     FUNCTION        edge                     only ever a gap: which regions have log groups of a function of CloudFront is not known
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
