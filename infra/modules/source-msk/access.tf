# What Lambda's pollers need to read the topics. They take the function's role for it, and IAM lets them in.

locals {
  # arn:aws:kafka:REGION:ACCOUNT:cluster/NAME/UUID; topics and groups are named below it.
  topic_root  = replace(local.cluster_arn, ":cluster/", ":topic/")
  group_root  = replace(local.cluster_arn, ":cluster/", ":group/")
  destination = var.on_failure_destination_arn == null ? null : split(":", var.on_failure_destination_arn)[2]

  statements = concat(
    [
      {
        Sid      = "FindTheBrokers"
        Effect   = "Allow"
        Action   = ["kafka:DescribeCluster", "kafka:DescribeClusterV2", "kafka:GetBootstrapBrokers"]
        Resource = [local.cluster_arn]
      },
      {
        Sid      = "ConnectToTheCluster"
        Effect   = "Allow"
        Action   = ["kafka-cluster:Connect", "kafka-cluster:DescribeClusterDynamicConfiguration"]
        Resource = [local.cluster_arn]
      },
      {
        Sid      = "ReadTheTopics"
        Effect   = "Allow"
        Action   = ["kafka-cluster:DescribeTopic", "kafka-cluster:ReadData"]
        Resource = [for topic in sort(var.topics) : "${local.topic_root}/${topic}"]
      },
      {
        Sid    = "KeepTheirPlaceInAGroup"
        Effect = "Allow"
        Action = ["kafka-cluster:AlterGroup", "kafka-cluster:DescribeGroup"]
        # A group that Lambda makes up is named by the mapping's identifier, which is not known before.
        Resource = var.consumer_group == null ? ["${local.group_root}/*"] : [for topic in sort(var.topics) : "${local.group_root}/${var.consumer_group}-${topic}"]
      },
      {
        # EC2 knows no resources for describing, and the interfaces do not exist before they are made.
        Sid    = "ReachTheBrokersInTheirNetwork"
        Effect = "Allow"
        Action = [
          "ec2:CreateNetworkInterface",
          "ec2:DeleteNetworkInterface",
          "ec2:DescribeNetworkInterfaces",
          "ec2:DescribeSecurityGroups",
          "ec2:DescribeSubnets",
          "ec2:DescribeVpcs",
        ]
        Resource = ["*"]
      },
    ],
    [for arn in compact([var.on_failure_destination_arn]) : {
      Sid      = "HandOverWhatIsGivenUp"
      Effect   = "Allow"
      Action   = { sqs = ["sqs:SendMessage"], sns = ["sns:Publish"], s3 = ["s3:ListBucket", "s3:PutObject"] }[local.destination]
      Resource = local.destination == "s3" ? [arn, "${arn}/*"] : [arn]
    }],
  )
}

resource "aws_iam_role_policy" "this" {
  #checkov:skip=CKV_AWS_290:EC2 knows no resources for network interfaces that do not exist yet.
  #checkov:skip=CKV_AWS_355:EC2 knows no resources for network interfaces that do not exist yet.
  name = "read-${var.name}"
  role = var.function.role_name
  policy = jsonencode({
    Version   = "2012-10-17"
    Statement = local.statements
  })
}
